-- Free text about a patient that is sealed: ciphertext is longer than what it hides; the services
-- bound the text itself.
ALTER TABLE hms.break_glass DROP CONSTRAINT break_glass_reason_check;
ALTER TABLE hms.break_glass ADD CONSTRAINT break_glass_reason_check
    CHECK (reason_code IN ('emergency', 'direct-care', 'public-health', 'other') AND length(reason_text) BETWEEN 10 AND 6000);
ALTER TABLE hms.lab_order DROP CONSTRAINT lab_order_clinical_notes_check;
ALTER TABLE hms.lab_order ADD CONSTRAINT lab_order_clinical_notes_check CHECK (length(clinical_notes) <= 22000);
