-- Bills with the shares of payers and patient, and what the ledger says of them.

CREATE TABLE hms.bill (
    tenant_id       uuid          NOT NULL,
    id              uuid          NOT NULL,
    patient_id      uuid          NOT NULL,
    encounter_id    uuid,
    currency        text          NOT NULL,
    status          text          NOT NULL,
    bill_number     text,
    bill_date       date,
    gross_amount    numeric(19,4) NOT NULL,
    discount_amount numeric(19,4) NOT NULL,
    tax_amount      numeric(19,4) NOT NULL,
    total_amount    numeric(19,4) NOT NULL,
    patient_amount  numeric(19,4) NOT NULL,
    payer_amount    numeric(19,4) NOT NULL,
    paid_amount     numeric(19,4) NOT NULL DEFAULT 0,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    open_amount     numeric(19,4) NOT NULL DEFAULT 0,
    overpaid_amount numeric(19,4) NOT NULL DEFAULT 0,
    discount_reason text          NOT NULL DEFAULT '',
    cancel_reason   text          NOT NULL DEFAULT '',
    journal_id      uuid,
    created_at      timestamptz   NOT NULL,
    created_by      text          NOT NULL,
    issued_at       timestamptz,
    cancelled_at    timestamptz,
    version         bigint        NOT NULL DEFAULT 1,
    CONSTRAINT bill_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bill_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT bill_currency_key UNIQUE (tenant_id, id, currency),
    CONSTRAINT bill_number_key UNIQUE (tenant_id, bill_number),
    CONSTRAINT bill_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT bill_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT bill_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id)
        REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT bill_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal (tenant_id, id),
    CONSTRAINT bill_status_check CHECK (status IN ('draft', 'issued', 'balanced', 'cancelled')),
    CONSTRAINT bill_gross_check CHECK (hms.is_money(gross_amount, currency) AND gross_amount >= 0),
    CONSTRAINT bill_discount_check CHECK (hms.is_money(discount_amount, currency) AND discount_amount BETWEEN 0 AND gross_amount),
    CONSTRAINT bill_tax_check CHECK (hms.is_money(tax_amount, currency) AND tax_amount >= 0),
    CONSTRAINT bill_total_check CHECK (hms.is_money(total_amount, currency) AND total_amount = gross_amount - discount_amount + tax_amount),
    CONSTRAINT bill_share_check CHECK (hms.is_money(patient_amount, currency) AND hms.is_money(payer_amount, currency)
        AND patient_amount >= 0 AND payer_amount >= 0 AND patient_amount + payer_amount = total_amount),
    CONSTRAINT bill_paid_check CHECK (hms.is_money(paid_amount, currency) AND paid_amount BETWEEN 0 AND total_amount),
    CONSTRAINT bill_credited_check CHECK (hms.is_money(credited_amount, currency) AND credited_amount BETWEEN 0 AND total_amount),
    CONSTRAINT bill_open_check CHECK (hms.is_money(open_amount, currency) AND hms.is_money(overpaid_amount, currency)
        AND open_amount >= 0 AND overpaid_amount >= 0
        AND (status NOT IN ('issued', 'balanced') OR open_amount - overpaid_amount = total_amount - paid_amount - credited_amount)),
    -- Balanced is what the amounts say, never what somebody sets.
    CONSTRAINT bill_balanced_check CHECK (status NOT IN ('issued', 'balanced')
        OR (status = 'balanced') = (open_amount = 0 AND overpaid_amount = 0)),
    CONSTRAINT bill_issued_check CHECK (CASE WHEN status IN ('issued', 'balanced')
        THEN bill_number IS NOT NULL AND bill_date IS NOT NULL AND journal_id IS NOT NULL AND issued_at IS NOT NULL
        ELSE bill_number IS NULL AND bill_date IS NULL AND journal_id IS NULL AND issued_at IS NULL
            AND paid_amount = 0 AND credited_amount = 0 AND open_amount = 0 AND overpaid_amount = 0 END),
    CONSTRAINT bill_cancelled_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT bill_reason_check CHECK (length(discount_reason) <= 500 AND length(cancel_reason) <= 500
        AND (discount_amount = 0 OR discount_reason <> '') AND (status <> 'cancelled' OR cancel_reason <> '')),
    CONSTRAINT bill_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX bill_patient_idx ON hms.bill (tenant_id, patient_id, created_at, id);
CREATE INDEX bill_encounter_idx ON hms.bill (tenant_id, encounter_id, patient_id);
CREATE INDEX bill_day_idx ON hms.bill (tenant_id, bill_date, id) WHERE bill_date IS NOT NULL;
CREATE INDEX bill_open_idx ON hms.bill (tenant_id, bill_date, id) WHERE status = 'issued';
SELECT hms.install_table('bill', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (status, bill_number, bill_date, gross_amount, discount_amount, tax_amount, total_amount,
        patient_amount, payer_amount, paid_amount, credited_amount, open_amount, overpaid_amount, cancel_reason,
        journal_id, issued_at, cancelled_at, version)');
SELECT hms.guard_status('bill', 'draft>issued', 'draft>balanced', 'draft>cancelled', 'issued>balanced', 'balanced>issued');
SELECT hms.install_status_history('bill');

CREATE TABLE hms.bill_line (
    tenant_id         uuid          NOT NULL,
    id                uuid          NOT NULL,
    bill_id           uuid          NOT NULL,
    patient_id        uuid          NOT NULL,
    line_no           integer       NOT NULL,
    charge_id         uuid          NOT NULL,
    service_code      text          NOT NULL,
    category          text          NOT NULL,
    description       text          NOT NULL,
    service_date      date          NOT NULL,
    quantity          numeric(19,4) NOT NULL,
    unit_price        numeric(19,4) NOT NULL,
    currency          text          NOT NULL,
    gross_amount      numeric(19,4) NOT NULL,
    discount_amount   numeric(19,4) NOT NULL,
    net_amount        numeric(19,4) NOT NULL,
    tax_percent       numeric(7,4)  NOT NULL,
    tax_amount        numeric(19,4) NOT NULL,
    total_amount      numeric(19,4) NOT NULL,
    patient_amount    numeric(19,4) NOT NULL,
    payer_amount      numeric(19,4) NOT NULL,
    credited_quantity numeric(19,4) NOT NULL DEFAULT 0,
    credited_net      numeric(19,4) NOT NULL DEFAULT 0,
    credited_tax      numeric(19,4) NOT NULL DEFAULT 0,
    issued_at         timestamptz,
    released_at       timestamptz,
    CONSTRAINT bill_line_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bill_line_bill_key UNIQUE (tenant_id, bill_id, line_no),
    CONSTRAINT bill_line_scope_key UNIQUE (tenant_id, id, bill_id),
    CONSTRAINT bill_line_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT bill_line_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill (tenant_id, id, currency),
    CONSTRAINT bill_line_charge_fkey FOREIGN KEY (tenant_id, charge_id, patient_id) REFERENCES hms.charge (tenant_id, id, patient_id),
    CONSTRAINT bill_line_quantity_check CHECK (quantity <> 'NaN' AND quantity > 0),
    CONSTRAINT bill_line_price_check CHECK (hms.is_money(unit_price, currency) AND unit_price >= 0),
    CONSTRAINT bill_line_gross_check CHECK (hms.is_money(gross_amount, currency)
        AND gross_amount = round(quantity * unit_price, hms.minor_units(currency))),
    CONSTRAINT bill_line_discount_check CHECK (hms.is_money(discount_amount, currency) AND discount_amount BETWEEN 0 AND gross_amount),
    CONSTRAINT bill_line_net_check CHECK (hms.is_money(net_amount, currency) AND net_amount = gross_amount - discount_amount),
    CONSTRAINT bill_line_percent_check CHECK (tax_percent <> 'NaN' AND tax_percent BETWEEN 0 AND 100),
    CONSTRAINT bill_line_tax_check CHECK (hms.is_money(tax_amount, currency)
        AND tax_amount = round(net_amount * tax_percent * 0.01, hms.minor_units(currency))),
    CONSTRAINT bill_line_total_check CHECK (hms.is_money(total_amount, currency) AND total_amount = net_amount + tax_amount),
    CONSTRAINT bill_line_share_check CHECK (hms.is_money(patient_amount, currency) AND hms.is_money(payer_amount, currency)
        AND patient_amount >= 0 AND payer_amount >= 0 AND patient_amount + payer_amount = total_amount),
    CONSTRAINT bill_line_credit_check CHECK (credited_quantity <> 'NaN' AND credited_quantity BETWEEN 0 AND quantity
        AND hms.is_money(credited_net, currency) AND credited_net BETWEEN 0 AND net_amount
        AND hms.is_money(credited_tax, currency) AND credited_tax BETWEEN 0 AND tax_amount),
    CONSTRAINT bill_line_released_check CHECK (released_at IS NULL OR issued_at IS NULL),
    CONSTRAINT bill_line_texts_check CHECK (length(category) <= 100 AND length(description) <= 300
        AND length(service_code) <= 50)
);

-- A charge is on one bill only, unless that bill's draft was cancelled or let it go.
CREATE UNIQUE INDEX bill_line_live_charge_key ON hms.bill_line (tenant_id, charge_id) WHERE released_at IS NULL;
CREATE INDEX bill_line_bill_idx ON hms.bill_line (tenant_id, bill_id, patient_id);
CREATE INDEX bill_line_currency_idx ON hms.bill_line (tenant_id, bill_id, currency);
CREATE INDEX bill_line_charge_idx ON hms.bill_line (tenant_id, charge_id, patient_id);
SELECT hms.install_table('bill_line', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (patient_amount, payer_amount, credited_quantity, credited_net, credited_tax,
        issued_at, released_at)');

-- Who owes how much of a bill: the patient (sequence 0) and each payer in priority order.
CREATE TABLE hms.bill_share (
    tenant_id       uuid          NOT NULL,
    id              uuid          NOT NULL,
    bill_id         uuid          NOT NULL,
    patient_id      uuid          NOT NULL,
    sequence        integer       NOT NULL,
    coverage_id     uuid,
    payer           text          NOT NULL,
    currency        text          NOT NULL,
    amount          numeric(19,4) NOT NULL,
    paid_amount     numeric(19,4) NOT NULL DEFAULT 0,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    CONSTRAINT bill_share_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bill_share_sequence_key UNIQUE (tenant_id, bill_id, sequence),
    CONSTRAINT bill_share_currency_key UNIQUE (tenant_id, id, bill_id, currency),
    CONSTRAINT bill_share_scope_key UNIQUE (tenant_id, id, bill_id),
    CONSTRAINT bill_share_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT bill_share_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill (tenant_id, id, currency),
    CONSTRAINT bill_share_coverage_fkey FOREIGN KEY (tenant_id, coverage_id, patient_id)
        REFERENCES hms.coverage (tenant_id, id, patient_id),
    CONSTRAINT bill_share_sequence_check CHECK (sequence >= 0 AND (sequence = 0) = (coverage_id IS NULL)
        AND (sequence = 0) = (payer = '')),
    CONSTRAINT bill_share_amount_check CHECK (hms.is_money(amount, currency) AND amount >= 0),
    CONSTRAINT bill_share_paid_check CHECK (hms.is_money(paid_amount, currency) AND paid_amount BETWEEN 0 AND amount),
    CONSTRAINT bill_share_credited_check CHECK (hms.is_money(credited_amount, currency) AND credited_amount BETWEEN 0 AND amount),
    CONSTRAINT bill_share_texts_check CHECK (length(payer) <= 200)
);
CREATE INDEX bill_share_bill_idx ON hms.bill_share (tenant_id, bill_id, patient_id);
CREATE INDEX bill_share_bill_currency_idx ON hms.bill_share (tenant_id, bill_id, currency);
CREATE INDEX bill_share_coverage_idx ON hms.bill_share (tenant_id, coverage_id, patient_id);
SELECT hms.install_table('bill_share', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (paid_amount, credited_amount)');

-- Line and share are of one bill, and so of one patient.
CREATE TABLE hms.bill_line_share (
    tenant_id       uuid          NOT NULL,
    bill_id         uuid          NOT NULL,
    bill_line_id    uuid          NOT NULL,
    share_id        uuid          NOT NULL,
    currency        text          NOT NULL,
    amount          numeric(19,4) NOT NULL,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    CONSTRAINT bill_line_share_pkey PRIMARY KEY (tenant_id, bill_line_id, share_id),
    CONSTRAINT bill_line_share_line_fkey FOREIGN KEY (tenant_id, bill_line_id, bill_id) REFERENCES hms.bill_line (tenant_id, id, bill_id),
    CONSTRAINT bill_line_share_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id) REFERENCES hms.bill_share (tenant_id, id, bill_id),
    CONSTRAINT bill_line_share_amount_check CHECK (hms.is_money(amount, currency) AND amount >= 0),
    CONSTRAINT bill_line_share_credited_check CHECK (hms.is_money(credited_amount, currency) AND credited_amount BETWEEN 0 AND amount)
);
CREATE INDEX bill_line_share_share_idx ON hms.bill_line_share (tenant_id, share_id);
SELECT hms.install_table('bill_line_share', '', 'bill_line_id,share_id', p_grants =>
    'SELECT, INSERT, UPDATE (credited_amount)');

-- The ledger, second half: postings

-- One line of a journal: a debit is positive, a credit negative. All lines of a journal are
-- inserted by one statement, which must sum to nothing.
CREATE TABLE hms.posting (
    tenant_id  uuid          NOT NULL,
    journal_id uuid          NOT NULL,
    line_no    integer       NOT NULL,
    account_id uuid          NOT NULL,
    currency   text          NOT NULL,
    amount     numeric(19,4) NOT NULL,
    bill_id    uuid,
    CONSTRAINT posting_pkey PRIMARY KEY (tenant_id, journal_id, line_no),
    CONSTRAINT posting_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal (tenant_id, id),
    CONSTRAINT posting_account_fkey FOREIGN KEY (tenant_id, account_id, currency)
        REFERENCES hms.ledger_account (tenant_id, id, currency),
    CONSTRAINT posting_bill_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill (tenant_id, id, currency),
    CONSTRAINT posting_line_check CHECK (line_no >= 1),
    CONSTRAINT posting_amount_check CHECK (hms.is_money(amount, currency) AND amount <> 0)
);
CREATE INDEX posting_account_idx ON hms.posting (tenant_id, account_id, currency) INCLUDE (amount);
CREATE INDEX posting_bill_idx ON hms.posting (tenant_id, bill_id, currency);
SELECT hms.install_table('posting', '', 'journal_id,line_no');
