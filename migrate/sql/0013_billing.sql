-- Billing: catalogue and prices, charges, and the ledger that proves them. Nothing of money is ever
-- deleted. What is derived is derived in the database (routine/billing): a payment, refund or credit
-- note changes the share it belongs to, a share changes its bill, whoever writes the row.

-- Catalogue and prices
CREATE TABLE hms.service_item (
    tenant_id   uuid         NOT NULL,
    id          uuid         NOT NULL,
    code        text         NOT NULL,
    code_key    text         NOT NULL,
    name        text         NOT NULL,
    category    text         NOT NULL,
    tax_percent numeric(7,4) NOT NULL DEFAULT 0,
    is_active   boolean      NOT NULL DEFAULT true,
    created_at  timestamptz  NOT NULL,
    created_by  text         NOT NULL,
    version     bigint       NOT NULL DEFAULT 1,
    CONSTRAINT service_item_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT service_item_code_key UNIQUE (tenant_id, code_key),
    CONSTRAINT service_item_key_check CHECK (code_key <> ''),
    CONSTRAINT service_item_code_check CHECK (length(code) BETWEEN 1 AND 50),
    CONSTRAINT service_item_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT service_item_category_check CHECK (length(category) BETWEEN 1 AND 100),
    CONSTRAINT service_item_tax_check CHECK (tax_percent <> 'NaN' AND tax_percent BETWEEN 0 AND 100),
    CONSTRAINT service_item_texts_check CHECK (octet_length(code_key) <= 200 AND length(created_by) <= 81)
);
SELECT hms.install_table('service_item', p_grants =>
    'SELECT, INSERT, UPDATE (name, category, tax_percent, is_active, version)');

-- One price per service and currency on any day; valid_to is the first day without it.
-- A version that was withdrawn has no days (valid_to = valid_from).
CREATE TABLE hms.service_price (
    tenant_id  uuid          NOT NULL,
    id         uuid          NOT NULL,
    service_id uuid          NOT NULL,
    currency   text          NOT NULL,
    amount     numeric(19,4) NOT NULL,
    valid_from date          NOT NULL,
    valid_to   date,
    created_at timestamptz   NOT NULL,
    created_by text          NOT NULL,
    version    bigint        NOT NULL DEFAULT 1,
    CONSTRAINT service_price_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT service_price_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES hms.service_item (tenant_id, id),
    CONSTRAINT service_price_amount_check CHECK (hms.is_money(amount, currency) AND amount >= 0),
    CONSTRAINT service_price_days_check CHECK (valid_to >= valid_from),
    CONSTRAINT service_price_days_excl EXCLUDE USING gist
        (tenant_id WITH =, service_id WITH =, currency WITH =, daterange(valid_from, valid_to) WITH &&),
    CONSTRAINT service_price_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX service_price_service_idx ON hms.service_price (tenant_id, service_id, currency, valid_from);
SELECT hms.install_table('service_price', p_grants => 'SELECT, INSERT, UPDATE (valid_to, version)');

-- The patient's account: its row is the lock under which bills, payments, refunds and
-- credits of one patient take turns.
CREATE TABLE hms.billing_account (
    tenant_id  uuid        NOT NULL,
    patient_id uuid        NOT NULL,
    opened_at  timestamptz NOT NULL,
    CONSTRAINT billing_account_pkey PRIMARY KEY (tenant_id, patient_id),
    CONSTRAINT billing_account_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id)
);
SELECT hms.install_table('billing_account', 'patient_id', 'patient_id', 'SELECT', p_kind => 'money');

-- Charges

-- What was done and what it costs, copied from the catalogue at capture. The source is
-- polymorphic and carries no foreign key; its uniqueness is what keeps one use case from being
-- charged by two paths.
CREATE TABLE hms.charge (
    tenant_id     uuid          NOT NULL,
    id            uuid          NOT NULL,
    patient_id    uuid          NOT NULL,
    encounter_id  uuid,
    source_kind   text          NOT NULL,
    source_id     text          NOT NULL,
    source_line   integer       NOT NULL,
    service_id    uuid          NOT NULL,
    service_code  text          NOT NULL,
    category      text          NOT NULL,
    description   text          NOT NULL,
    quantity      numeric(19,4) NOT NULL,
    unit_price    numeric(19,4) NOT NULL,
    currency      text          NOT NULL,
    tax_percent   numeric(7,4)  NOT NULL,
    service_at    timestamptz   NOT NULL,
    service_date  date          NOT NULL,
    status        text          NOT NULL,
    status_reason text          NOT NULL DEFAULT '',
    created_at    timestamptz   NOT NULL,
    created_by    text          NOT NULL,
    version       bigint        NOT NULL DEFAULT 1,
    CONSTRAINT charge_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT charge_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT charge_source_key UNIQUE (tenant_id, source_kind, source_id, source_line),
    CONSTRAINT charge_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT charge_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id)
        REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT charge_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES hms.service_item (tenant_id, id),
    CONSTRAINT charge_source_check CHECK (length(source_kind) BETWEEN 1 AND 40 AND length(source_id) BETWEEN 1 AND 100 AND source_line >= 0),
    CONSTRAINT charge_description_check CHECK (length(description) BETWEEN 1 AND 300),
    CONSTRAINT charge_quantity_check CHECK (quantity <> 'NaN' AND quantity > 0),
    CONSTRAINT charge_price_check CHECK (hms.is_money(unit_price, currency) AND unit_price >= 0),
    CONSTRAINT charge_amount_check CHECK (hms.is_money(round(quantity * unit_price, hms.minor_units(currency)), currency)),
    CONSTRAINT charge_tax_check CHECK (tax_percent <> 'NaN' AND tax_percent BETWEEN 0 AND 100),
    CONSTRAINT charge_status_check CHECK (status IN
        ('planned', 'billable', 'not-billable', 'aborted', 'billed', 'entered-in-error')),
    CONSTRAINT charge_reason_check CHECK (length(status_reason) <= 500
        AND (status_reason <> '' OR status NOT IN ('not-billable', 'aborted', 'entered-in-error'))),
    CONSTRAINT charge_texts_check CHECK (length(category) <= 100 AND length(service_code) <= 50 AND length(created_by) <= 81)
);
CREATE INDEX charge_patient_idx ON hms.charge (tenant_id, patient_id, service_at, id);
CREATE INDEX charge_encounter_idx ON hms.charge (tenant_id, encounter_id, patient_id, service_at, id);
CREATE INDEX charge_service_idx ON hms.charge (tenant_id, service_id);
CREATE INDEX charge_unbilled_idx ON hms.charge (tenant_id, patient_id, id) WHERE status = 'billable';
SELECT hms.install_table('charge', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (status, status_reason, version)');
SELECT hms.guard_status('charge', 'planned>billable', 'planned>not-billable', 'planned>aborted', 'planned>entered-in-error',
    'billable>not-billable', 'billable>aborted', 'billable>billed', 'billable>entered-in-error',
    'not-billable>billable', 'not-billable>entered-in-error', 'aborted>entered-in-error');
SELECT hms.install_status_history('charge');

-- The ledger, first half: accounts and journals

-- An account of the tenant's ledger in one currency. Its balance is the sum of its postings.
CREATE TABLE hms.ledger_account (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    code      text NOT NULL,
    currency  text NOT NULL,
    opened_at timestamptz NOT NULL,
    CONSTRAINT ledger_account_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT ledger_account_code_key UNIQUE (tenant_id, currency, code),
    CONSTRAINT ledger_account_currency_key UNIQUE (tenant_id, id, currency),
    CONSTRAINT ledger_account_code_check CHECK (code ~ '^[a-z][a-z-]{0,39}$'),
    CONSTRAINT ledger_account_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
SELECT hms.install_table('ledger_account');

CREATE TABLE hms.journal (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    kind          text        NOT NULL,
    source_id     uuid        NOT NULL,
    currency      text        NOT NULL,
    line_count    integer     NOT NULL,
    business_date date        NOT NULL,
    posted_at     timestamptz NOT NULL,
    CONSTRAINT journal_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT journal_source_key UNIQUE (tenant_id, kind, source_id),
    CONSTRAINT journal_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT journal_kind_check CHECK (kind IN ('bill', 'payment', 'payment-cancellation', 'refund', 'credit-note')),
    CONSTRAINT journal_line_count_check CHECK (line_count = 0 OR line_count >= 2)
);
CREATE INDEX journal_day_idx ON hms.journal (tenant_id, business_date, id);
SELECT hms.install_table('journal');
