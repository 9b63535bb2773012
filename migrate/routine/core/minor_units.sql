-- Decimal places of a currency (ISO 4217, list one); the same as hmstype.Currency.MinorUnits.
CREATE OR REPLACE FUNCTION hms.minor_units(p_currency text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN p_currency IN ('BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF') THEN 0
        WHEN p_currency IN ('BHD','IQD','JOD','KWD','LYD','OMR','TND') THEN 3
        WHEN p_currency IN ('CLF','UYW') THEN 4
        ELSE 2 END;
