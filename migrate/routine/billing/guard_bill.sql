-- An issued or cancelled bill keeps what was printed. A bill is issued only when its totals are
-- the sums of its lines, its shares and its lines' shares.
CREATE OR REPLACE FUNCTION hms.guard_bill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    l record;
    s record;
    x record;
BEGIN
    IF OLD.status <> 'draft' AND (OLD.patient_id, OLD.encounter_id, OLD.currency, OLD.bill_number, OLD.bill_date, OLD.gross_amount,
            OLD.discount_amount, OLD.tax_amount, OLD.total_amount, OLD.patient_amount, OLD.payer_amount, OLD.journal_id,
            OLD.issued_at, OLD.cancelled_at, OLD.discount_reason, OLD.cancel_reason, OLD.created_at, OLD.created_by)
        IS DISTINCT FROM (NEW.patient_id, NEW.encounter_id, NEW.currency, NEW.bill_number, NEW.bill_date, NEW.gross_amount,
            NEW.discount_amount, NEW.tax_amount, NEW.total_amount, NEW.patient_amount, NEW.payer_amount, NEW.journal_id,
            NEW.issued_at, NEW.cancelled_at, NEW.discount_reason, NEW.cancel_reason,
            NEW.created_at, NEW.created_by) THEN
        PERFORM hms.refuse_frozen('bill');
    END IF;
    IF OLD.status <> 'draft' OR NEW.status NOT IN ('issued', 'balanced') THEN
        RETURN NEW;
    END IF;
    SELECT count(*) AS n, sum(b.gross_amount) AS gross, sum(b.discount_amount) AS discount, sum(b.tax_amount) AS tax,
           sum(b.total_amount) AS total, sum(b.patient_amount) AS patient, sum(b.payer_amount) AS payer,
           bool_and(b.issued_at IS NOT DISTINCT FROM NEW.issued_at) AS all_issued
    INTO l FROM hms.bill_line AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.id AND b.released_at IS NULL;
    SELECT sum(b.amount) AS total, sum(b.amount) FILTER (WHERE b.sequence = 0) AS patient
    INTO s FROM hms.bill_share AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.id;
    SELECT coalesce(bool_or(lines.total <> b.total_amount OR lines.patient <> b.patient_amount), true) AS differs,
           count(*) AS n
    INTO x FROM hms.bill_line AS b
    JOIN (SELECT p.bill_line_id, sum(p.amount) AS total, sum(p.amount) FILTER (WHERE h.sequence = 0) AS patient
          FROM hms.bill_line_share AS p JOIN hms.bill_share AS h ON h.tenant_id = p.tenant_id AND h.id = p.share_id
          WHERE p.tenant_id = NEW.tenant_id AND h.tenant_id = NEW.tenant_id AND h.bill_id = NEW.id
          GROUP BY p.bill_line_id) AS lines ON lines.bill_line_id = b.id
    WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.id AND b.released_at IS NULL;
    IF l.n = 0 OR NOT l.all_issued OR x.n <> l.n OR x.differs
       OR (l.gross, l.discount, l.tax, l.total, l.patient, l.payer) IS DISTINCT FROM
          (NEW.gross_amount, NEW.discount_amount, NEW.tax_amount, NEW.total_amount, NEW.patient_amount, NEW.payer_amount)
       OR (s.total, s.patient) IS DISTINCT FROM (NEW.total_amount, NEW.patient_amount) THEN
        RAISE EXCEPTION 'the bill does not sum up' USING ERRCODE = 'HM504';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_bill() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_guard BEFORE UPDATE ON hms.bill FOR EACH ROW EXECUTE FUNCTION hms.guard_bill();
