-- needs: core/minor_units
-- The rule of every amount of money: a number (numeric accepts NaN), in range, and rounded
-- to its currency's minor unit. NULL amounts pass; NOT NULL says whether they may exist.
CREATE OR REPLACE FUNCTION hms.is_money(p_amount numeric, p_currency text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN p_amount <> 'NaN'::numeric AND abs(p_amount) <= 999999999999
       AND p_amount = round(p_amount, hms.minor_units(p_currency))
       AND p_currency ~ '^[A-Z]{3}$';
