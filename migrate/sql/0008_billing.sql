-- Billing: catalogue and prices, charges, bills with the shares of payers and patient,
-- payments, refunds, credit notes, and the ledger that proves them.
--
-- What is derived is derived here: a payment, refund or credit note changes the share it
-- belongs to, a share changes its bill, whoever writes the row. Nothing of money is ever deleted.

-- Refuses DELETE and TRUNCATE for everybody; the rows may change as their own guards allow.
CREATE FUNCTION hms.keep_rows(p_table text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE DELETE OR TRUNCATE ON hms.%I
        FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()', p_table || '_keep_rows', p_table);
END $$;

-- ---------------------------------------------------------------------------------------
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
    CONSTRAINT service_item_twin_check CHECK (code_key <> ''),
    CONSTRAINT service_item_code_check CHECK (length(code) BETWEEN 1 AND 50),
    CONSTRAINT service_item_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT service_item_category_check CHECK (length(category) BETWEEN 1 AND 100),
    CONSTRAINT service_item_tax_check CHECK (tax_percent <> 'NaN' AND tax_percent BETWEEN 0 AND 100)
);
SELECT hms.install_table('service_item');

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
        (tenant_id WITH =, service_id WITH =, currency WITH =, daterange(valid_from, valid_to) WITH &&)
);
CREATE INDEX service_price_service_idx ON hms.service_price (tenant_id, service_id, currency, valid_from);
SELECT hms.install_table('service_price');
SELECT hms.keep_rows('service_price');

-- ---------------------------------------------------------------------------------------
-- The patient's account: its row is the lock under which bills, payments, refunds and
-- credits of one patient take turns.

CREATE TABLE hms.billing_account (
    tenant_id  uuid        NOT NULL,
    patient_id uuid        NOT NULL,
    opened_at  timestamptz NOT NULL,
    CONSTRAINT billing_account_pkey PRIMARY KEY (tenant_id, patient_id),
    CONSTRAINT billing_account_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id)
);
SELECT hms.install_table('billing_account', 'patient_id', 'patient_id');
SELECT hms.keep_rows('billing_account');

-- The patient's row comes first, in the weak mode of a foreign key: what we insert later refers to it,
-- and a deed that holds it may be waiting for the account.
CREATE FUNCTION hms.lock_billing_account(p_tenant uuid, p_patient uuid, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient FOR KEY SHARE;
    PERFORM 1 FROM hms.billing_account AS a WHERE a.tenant_id = p_tenant AND a.patient_id = p_patient FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO hms.billing_account (tenant_id, patient_id, opened_at) VALUES (p_tenant, p_patient, p_now)
        ON CONFLICT (tenant_id, patient_id) DO NOTHING;
        PERFORM 1 FROM hms.billing_account AS a WHERE a.tenant_id = p_tenant AND a.patient_id = p_patient FOR UPDATE;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------
-- Charges

-- What was done and what it costs, copied from the catalogue at capture. The source is
-- polymorphic and carries no foreign key; its uniqueness is what keeps one deed from being
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
        AND (status_reason <> '' OR status NOT IN ('not-billable', 'aborted', 'entered-in-error')))
);
CREATE INDEX charge_patient_idx ON hms.charge (tenant_id, patient_id, service_at, id);
CREATE INDEX charge_encounter_idx ON hms.charge (tenant_id, encounter_id, patient_id, service_at, id);
CREATE INDEX charge_service_idx ON hms.charge (tenant_id, service_id);
CREATE INDEX charge_unbilled_idx ON hms.charge (tenant_id, patient_id, id) WHERE status = 'billable';
SELECT hms.install_table('charge', 'patient_id');
SELECT hms.keep_rows('charge');
SELECT hms.guard_status('charge', 'planned>billable', 'planned>not-billable', 'planned>aborted', 'planned>entered-in-error',
    'billable>not-billable', 'billable>aborted', 'billable>billed', 'billable>entered-in-error',
    'not-billable>billable', 'not-billable>entered-in-error', 'aborted>entered-in-error');
SELECT hms.install_status_history('charge');

-- What was copied at capture stays as it was: a later price is another charge's.
CREATE FUNCTION hms.guard_charge() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.patient_id, OLD.encounter_id, OLD.source_kind, OLD.source_id, OLD.source_line, OLD.service_id, OLD.service_code,
        OLD.category, OLD.description, OLD.quantity, OLD.unit_price, OLD.currency, OLD.tax_percent, OLD.service_at,
        OLD.service_date, OLD.created_at, OLD.created_by)
       IS DISTINCT FROM
       (NEW.patient_id, NEW.encounter_id, NEW.source_kind, NEW.source_id, NEW.source_line, NEW.service_id, NEW.service_code,
        NEW.category, NEW.description, NEW.quantity, NEW.unit_price, NEW.currency, NEW.tax_percent, NEW.service_at,
        NEW.service_date, NEW.created_at, NEW.created_by) THEN
        RAISE EXCEPTION 'a captured charge keeps its price and text' USING ERRCODE = 'HM503';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charge_guard BEFORE UPDATE ON hms.charge FOR EACH ROW EXECUTE FUNCTION hms.guard_charge();

-- Captures a charge once per source. It answers instead of raising, so that the deed that
-- charges may decide what an unknown code means to it:
--   captured | existing | no_service | no_price
CREATE FUNCTION hms.post_charge(
    p_tenant uuid, p_charge uuid, p_patient uuid, p_encounter uuid, p_kind text, p_source text, p_line integer,
    p_service_key text, p_description text, p_quantity numeric, p_unit_price numeric, p_currency text,
    p_service_at timestamptz, p_service_date date, p_status text, p_now timestamptz, p_by text,
    OUT out_charge uuid, OUT out_outcome text
) LANGUAGE plpgsql AS $$
DECLARE
    item  record;
    price numeric := p_unit_price;
BEGIN
    SELECT c.id INTO out_charge FROM hms.charge AS c
    WHERE c.tenant_id = p_tenant AND c.source_kind = p_kind AND c.source_id = p_source AND c.source_line = p_line;
    IF FOUND THEN
        out_outcome := 'existing';
        RETURN;
    END IF;
    SELECT s.id, s.code, s.name, s.category, s.tax_percent INTO item FROM hms.service_item AS s
    WHERE s.tenant_id = p_tenant AND s.code_key = p_service_key AND s.is_active;
    IF NOT FOUND THEN
        out_outcome := 'no_service';
        RETURN;
    END IF;
    IF price IS NULL THEN
        SELECT p.amount INTO price FROM hms.service_price AS p
        WHERE p.tenant_id = p_tenant AND p.service_id = item.id AND p.currency = p_currency
          AND p.valid_from <= p_service_date AND (p.valid_to IS NULL OR p.valid_to > p_service_date);
        IF NOT FOUND THEN
            out_outcome := 'no_price';
            RETURN;
        END IF;
    END IF;
    INSERT INTO hms.charge (tenant_id, id, patient_id, encounter_id, source_kind, source_id, source_line, service_id, service_code,
        category, description, quantity, unit_price, currency, tax_percent, service_at, service_date, status,
        created_at, created_by)
    VALUES (p_tenant, p_charge, p_patient, p_encounter, p_kind, p_source, p_line, item.id, item.code,
        item.category, coalesce(nullif(p_description, ''), item.name), p_quantity, price, p_currency, item.tax_percent,
        p_service_at, p_service_date, p_status, p_now, p_by)
    ON CONFLICT (tenant_id, source_kind, source_id, source_line) DO NOTHING;
    IF FOUND THEN
        out_charge := p_charge;
        out_outcome := 'captured';
        RETURN;
    END IF;
    SELECT c.id INTO out_charge FROM hms.charge AS c
    WHERE c.tenant_id = p_tenant AND c.source_kind = p_kind AND c.source_id = p_source AND c.source_line = p_line;
    out_outcome := 'existing';
END $$;

-- ---------------------------------------------------------------------------------------
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
SELECT hms.install_table('ledger_account', '', 'id', 'SELECT, INSERT');
SELECT hms.append_only('ledger_account');

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
    CONSTRAINT journal_kind_check CHECK (kind IN ('bill', 'payment', 'payment-cancellation', 'refund', 'credit-note')),
    CONSTRAINT journal_line_count_check CHECK (line_count = 0 OR line_count >= 2)
);
CREATE INDEX journal_day_idx ON hms.journal (tenant_id, business_date, id);
SELECT hms.install_table('journal', '', 'id', 'SELECT, INSERT');
SELECT hms.append_only('journal');

-- The id of an account, which is opened on first use.
CREATE FUNCTION hms.ledger_account_id(p_tenant uuid, p_currency text, p_code text, p_now timestamptz) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    account uuid;
BEGIN
    SELECT a.id INTO account FROM hms.ledger_account AS a
    WHERE a.tenant_id = p_tenant AND a.currency = p_currency AND a.code = p_code;
    IF NOT FOUND THEN
        INSERT INTO hms.ledger_account (tenant_id, id, code, currency, opened_at)
        VALUES (p_tenant, hms.uuid_v7(), p_code, p_currency, p_now) ON CONFLICT (tenant_id, currency, code) DO NOTHING;
        SELECT a.id INTO account FROM hms.ledger_account AS a
        WHERE a.tenant_id = p_tenant AND a.currency = p_currency AND a.code = p_code;
    END IF;
    RETURN account;
END $$;

-- ---------------------------------------------------------------------------------------
-- Bills

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
        AND (discount_amount = 0 OR discount_reason <> '') AND (status <> 'cancelled' OR cancel_reason <> ''))
);
CREATE INDEX bill_patient_idx ON hms.bill (tenant_id, patient_id, created_at, id);
CREATE INDEX bill_encounter_idx ON hms.bill (tenant_id, encounter_id, patient_id);
CREATE INDEX bill_day_idx ON hms.bill (tenant_id, bill_date, id) WHERE bill_date IS NOT NULL;
CREATE INDEX bill_open_idx ON hms.bill (tenant_id, bill_date, id) WHERE status = 'issued';
SELECT hms.install_table('bill', 'patient_id');
SELECT hms.keep_rows('bill');
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
    CONSTRAINT bill_line_released_check CHECK (released_at IS NULL OR issued_at IS NULL)
);
-- A charge is on one bill only, unless that bill's draft was cancelled or let it go.
CREATE UNIQUE INDEX bill_line_live_charge_key ON hms.bill_line (tenant_id, charge_id) WHERE released_at IS NULL;
CREATE INDEX bill_line_bill_idx ON hms.bill_line (tenant_id, bill_id, patient_id);
CREATE INDEX bill_line_currency_idx ON hms.bill_line (tenant_id, bill_id, currency);
CREATE INDEX bill_line_charge_idx ON hms.bill_line (tenant_id, charge_id, patient_id);
SELECT hms.install_table('bill_line', 'patient_id');
SELECT hms.keep_rows('bill_line');

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
    CONSTRAINT bill_share_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT bill_share_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill (tenant_id, id, currency),
    CONSTRAINT bill_share_coverage_fkey FOREIGN KEY (tenant_id, coverage_id, patient_id)
        REFERENCES hms.coverage (tenant_id, id, patient_id),
    CONSTRAINT bill_share_sequence_check CHECK (sequence >= 0 AND (sequence = 0) = (coverage_id IS NULL)
        AND (sequence = 0) = (payer = '')),
    CONSTRAINT bill_share_amount_check CHECK (hms.is_money(amount, currency) AND amount >= 0),
    CONSTRAINT bill_share_paid_check CHECK (hms.is_money(paid_amount, currency) AND paid_amount BETWEEN 0 AND amount),
    CONSTRAINT bill_share_credited_check CHECK (hms.is_money(credited_amount, currency) AND credited_amount BETWEEN 0 AND amount)
);
CREATE INDEX bill_share_bill_idx ON hms.bill_share (tenant_id, bill_id, patient_id);
CREATE INDEX bill_share_bill_currency_idx ON hms.bill_share (tenant_id, bill_id, currency);
CREATE INDEX bill_share_coverage_idx ON hms.bill_share (tenant_id, coverage_id, patient_id);
SELECT hms.install_table('bill_share', 'patient_id');
SELECT hms.keep_rows('bill_share');

CREATE TABLE hms.bill_line_share (
    tenant_id       uuid          NOT NULL,
    bill_line_id    uuid          NOT NULL,
    share_id        uuid          NOT NULL,
    currency        text          NOT NULL,
    amount          numeric(19,4) NOT NULL,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    CONSTRAINT bill_line_share_pkey PRIMARY KEY (tenant_id, bill_line_id, share_id),
    CONSTRAINT bill_line_share_line_fkey FOREIGN KEY (tenant_id, bill_line_id) REFERENCES hms.bill_line (tenant_id, id),
    CONSTRAINT bill_line_share_share_fkey FOREIGN KEY (tenant_id, share_id) REFERENCES hms.bill_share (tenant_id, id),
    CONSTRAINT bill_line_share_amount_check CHECK (hms.is_money(amount, currency) AND amount >= 0),
    CONSTRAINT bill_line_share_credited_check CHECK (hms.is_money(credited_amount, currency) AND credited_amount BETWEEN 0 AND amount)
);
CREATE INDEX bill_line_share_share_idx ON hms.bill_line_share (tenant_id, share_id);
SELECT hms.install_table('bill_line_share', '', 'bill_line_id,share_id');
SELECT hms.keep_rows('bill_line_share');

-- ---------------------------------------------------------------------------------------
-- The guards of bills

CREATE FUNCTION hms.refuse_frozen(p_what text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued bill is not changed: %', p_what USING ERRCODE = 'HM503';
END $$;

-- An issued or cancelled bill keeps what was printed. A bill is issued only when its totals are
-- the sums of its lines, its shares and its lines' shares.
CREATE FUNCTION hms.guard_bill() RETURNS trigger
LANGUAGE plpgsql AS $$
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
CREATE TRIGGER bill_guard BEFORE UPDATE ON hms.bill FOR EACH ROW EXECUTE FUNCTION hms.guard_bill();

-- A bill begins as a draft.
CREATE FUNCTION hms.guard_new_bill() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'draft' THEN
        PERFORM hms.refuse_frozen('bill');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bill_guard_new BEFORE INSERT ON hms.bill FOR EACH ROW EXECUTE FUNCTION hms.guard_new_bill();

-- Lines and shares come only to a draft. The lock keeps the bill a draft until we commit.
CREATE FUNCTION hms.guard_bill_part() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM hms.bill AS b WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.bill_id AND b.status = 'draft' FOR SHARE;
    IF NOT FOUND THEN
        PERFORM hms.refuse_frozen('new part');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bill_line_guard_new BEFORE INSERT ON hms.bill_line FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();
CREATE TRIGGER bill_share_guard_new BEFORE INSERT ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();

-- After issue a line changes only by what is credited, and that only grows.
CREATE FUNCTION hms.guard_bill_line() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was hms.bill_line;
BEGIN
    was := NEW;
    was.credited_quantity := OLD.credited_quantity;
    was.credited_net := OLD.credited_net;
    was.credited_tax := OLD.credited_tax;
    IF OLD.released_at IS NOT NULL
       OR (OLD.issued_at IS NOT NULL AND (was IS DISTINCT FROM OLD OR NEW.credited_quantity < OLD.credited_quantity
            OR NEW.credited_net < OLD.credited_net OR NEW.credited_tax < OLD.credited_tax))
       OR (OLD.issued_at IS NULL AND was.credited_quantity + was.credited_net + was.credited_tax
            <> NEW.credited_quantity + NEW.credited_net + NEW.credited_tax) THEN
        PERFORM hms.refuse_frozen('line');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bill_line_guard BEFORE UPDATE ON hms.bill_line FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_line();

CREATE FUNCTION hms.guard_bill_line_share() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was hms.bill_line_share;
BEGIN
    was := NEW;
    was.credited_amount := OLD.credited_amount;
    IF was IS DISTINCT FROM OLD OR NEW.credited_amount < OLD.credited_amount THEN
        PERFORM hms.refuse_frozen('line share');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bill_line_share_guard BEFORE UPDATE ON hms.bill_line_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_line_share();

-- A share's amount is fixed; credits only grow; what is paid never grows past what is open.
CREATE FUNCTION hms.guard_bill_share() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was hms.bill_share;
BEGIN
    was := NEW;
    was.paid_amount := OLD.paid_amount;
    was.credited_amount := OLD.credited_amount;
    IF was IS DISTINCT FROM OLD OR NEW.credited_amount < OLD.credited_amount THEN
        PERFORM hms.refuse_frozen('share');
    END IF;
    IF NEW.paid_amount > OLD.paid_amount AND NEW.paid_amount + NEW.credited_amount > NEW.amount THEN
        RAISE EXCEPTION 'more than is open' USING ERRCODE = 'HM502',
            DETAIL = greatest(OLD.amount - OLD.paid_amount - OLD.credited_amount, 0) || ' ' || OLD.currency;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bill_share_guard BEFORE UPDATE ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_share();

-- The bill's paid, credited and open amounts and its balance follow from its shares.
CREATE FUNCTION hms.derive_bill() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    s record;
BEGIN
    SELECT sum(b.paid_amount) AS paid, sum(b.credited_amount) AS credited,
           sum(greatest(b.amount - b.paid_amount - b.credited_amount, 0)) AS due,
           sum(greatest(b.paid_amount + b.credited_amount - b.amount, 0)) AS overpaid
    INTO s FROM hms.bill_share AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.bill_id;
    UPDATE hms.bill AS b SET paid_amount = s.paid, credited_amount = s.credited, open_amount = s.due, overpaid_amount = s.overpaid,
        status = CASE WHEN s.due = 0 AND s.overpaid = 0 THEN 'balanced' ELSE 'issued' END, version = b.version + 1
    WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.bill_id;
    RETURN NULL;
END $$;
CREATE TRIGGER bill_share_derive AFTER UPDATE OF paid_amount, credited_amount ON hms.bill_share
    FOR EACH ROW EXECUTE FUNCTION hms.derive_bill();

-- Adds to what a share has been paid and credited, for the row that somebody wrote, and notes the
-- step of the bill that follows from it as his. Tells whether there is such a share.
CREATE FUNCTION hms.add_to_share(
    p_tenant uuid, p_share uuid, p_currency text, p_paid numeric, p_credited numeric,
    p_by text, p_now timestamptz, p_reason text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    was record;
    b   record;
BEGIN
    SELECT x.id, x.status INTO was FROM hms.bill AS x
    JOIN hms.bill_share AS s ON s.tenant_id = x.tenant_id AND s.bill_id = x.id
    WHERE x.tenant_id = p_tenant AND s.tenant_id = p_tenant AND s.id = p_share FOR NO KEY UPDATE OF x;
    UPDATE hms.bill_share AS s
    SET paid_amount = s.paid_amount + p_paid, credited_amount = s.credited_amount + p_credited
    WHERE s.tenant_id = p_tenant AND s.id = p_share AND s.currency = p_currency;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT x.status, x.version INTO b FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = was.id;
    IF b.status <> was.status THEN
        INSERT INTO hms.bill_status
            (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
        VALUES (p_tenant, was.id, b.version, was.status, b.status, p_now, p_by, p_reason);
    END IF;
    RETURN true;
END $$;

-- ---------------------------------------------------------------------------------------
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
SELECT hms.install_table('posting', '', 'journal_id,line_no', 'SELECT, INSERT');
SELECT hms.append_only('posting');

CREATE FUNCTION hms.check_journal() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows AS n GROUP BY n.tenant_id, n.journal_id, n.currency HAVING sum(n.amount) <> 0) THEN
        RAISE EXCEPTION 'a journal must sum to zero' USING ERRCODE = 'HM501';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER posting_balance AFTER INSERT ON hms.posting REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hms.check_journal();

-- A journal of two lines on one bill: p_amount from the credited to the debited account.
CREATE FUNCTION hms.post_pair(
    p_tenant uuid, p_journal uuid, p_kind text, p_source uuid, p_bill uuid, p_amount numeric, p_currency text,
    p_debit text, p_credit text, p_now timestamptz, p_day date
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    debit  uuid := hms.ledger_account_id(p_tenant, p_currency, p_debit, p_now);
    credit uuid := hms.ledger_account_id(p_tenant, p_currency, p_credit, p_now);
BEGIN
    INSERT INTO hms.journal (tenant_id, id, kind, source_id, currency, line_count, business_date, posted_at)
    VALUES (p_tenant, p_journal, p_kind, p_source, p_currency, 2, p_day, p_now);
    INSERT INTO hms.posting (tenant_id, journal_id, line_no, account_id, currency, amount, bill_id)
    VALUES (p_tenant, p_journal, 1, debit, p_currency, p_amount, p_bill),
           (p_tenant, p_journal, 2, credit, p_currency, -p_amount, p_bill);
END $$;

CREATE FUNCTION hms.receivable_code(p_sequence integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_sequence = 0 THEN 'receivable-patient' ELSE 'receivable-payer' END
$$;

-- ---------------------------------------------------------------------------------------
-- Payments and refunds

CREATE TABLE hms.payment (
    tenant_id        uuid          NOT NULL,
    id               uuid          NOT NULL,
    bill_id          uuid          NOT NULL,
    patient_id       uuid          NOT NULL,
    share_id         uuid          NOT NULL,
    amount           numeric(19,4) NOT NULL,
    currency         text          NOT NULL,
    method           text          NOT NULL,
    reference_number text          NOT NULL DEFAULT '',
    reference_number_key text      NOT NULL,
    status           text          NOT NULL,
    refunded_amount  numeric(19,4) NOT NULL DEFAULT 0,
    journal_id       uuid          NOT NULL,
    business_date    date          NOT NULL,
    created_at       timestamptz   NOT NULL,
    created_by       text          NOT NULL,
    cancelled_at     timestamptz,
    cancelled_by     text          NOT NULL DEFAULT '',
    cancelled_on     date,
    cancel_reason    text          NOT NULL DEFAULT '',
    version          bigint        NOT NULL DEFAULT 1,
    CONSTRAINT payment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payment_bill_key UNIQUE (tenant_id, id, bill_id, currency),
    CONSTRAINT payment_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT payment_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT payment_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id, currency)
        REFERENCES hms.bill_share (tenant_id, id, bill_id, currency),
    CONSTRAINT payment_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal (tenant_id, id),
    CONSTRAINT payment_amount_check CHECK (hms.is_money(amount, currency) AND amount > 0),
    CONSTRAINT payment_method_check CHECK (method IN ('cash', 'card', 'mobile-money', 'bank-transfer', 'insurance', 'cheque')),
    CONSTRAINT payment_reference_check CHECK (length(reference_number) <= 100),
    CONSTRAINT payment_twin_check CHECK ((reference_number_key = '') = (reference_number = '')),
    CONSTRAINT payment_status_check CHECK (status IN ('active', 'cancelled')),
    CONSTRAINT payment_refunded_check CHECK (hms.is_money(refunded_amount, currency) AND refunded_amount BETWEEN 0 AND amount),
    -- A payment is cancelled or refunded, never both.
    CONSTRAINT payment_undone_check CHECK (status <> 'cancelled' OR refunded_amount = 0),
    CONSTRAINT payment_cancelled_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)
        AND (cancelled_at IS NULL) = (cancelled_on IS NULL) AND (cancelled_at IS NULL) = (cancelled_by = '')
        AND (status <> 'cancelled' OR cancel_reason <> '') AND length(cancel_reason) <= 500)
);
CREATE UNIQUE INDEX payment_reference_key ON hms.payment (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '';
CREATE INDEX payment_bill_idx ON hms.payment (tenant_id, bill_id, patient_id);
CREATE INDEX payment_share_idx ON hms.payment (tenant_id, share_id, bill_id, currency);
CREATE INDEX payment_day_idx ON hms.payment (tenant_id, business_date, id);
CREATE INDEX payment_cancelled_idx ON hms.payment (tenant_id, cancelled_on, id) WHERE cancelled_on IS NOT NULL;
SELECT hms.install_table('payment', 'patient_id');
SELECT hms.keep_rows('payment');
SELECT hms.guard_status('payment', 'active>cancelled');
SELECT hms.install_status_history('payment');

CREATE FUNCTION hms.guard_payment() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    was hms.payment;
BEGIN
    was := NEW;
    was.status := OLD.status;
    was.refunded_amount := OLD.refunded_amount;
    was.cancelled_at := OLD.cancelled_at;
    was.cancelled_by := OLD.cancelled_by;
    was.cancelled_on := OLD.cancelled_on;
    was.cancel_reason := OLD.cancel_reason;
    was.version := OLD.version;
    IF was IS DISTINCT FROM OLD OR NEW.refunded_amount < OLD.refunded_amount OR (OLD.status = 'cancelled' AND NEW IS DISTINCT FROM OLD) THEN
        RAISE EXCEPTION 'a payment is cancelled or refunded, not changed' USING ERRCODE = 'HM503';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_guard BEFORE UPDATE ON hms.payment FOR EACH ROW EXECUTE FUNCTION hms.guard_payment();

-- What a payment does to its share, whoever writes the row.
CREATE FUNCTION hms.apply_payment() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'active' OR NEW.refunded_amount <> 0 THEN
            RAISE EXCEPTION 'a payment begins active and whole' USING ERRCODE = 'HM503';
        END IF;
        PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, NEW.amount, 0,
            NEW.created_by, NEW.created_at, '');
    ELSIF NEW.status = 'cancelled' AND OLD.status = 'active' THEN
        PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, -NEW.amount, 0,
            NEW.cancelled_by, NEW.cancelled_at, NEW.cancel_reason);
        INSERT INTO hms.payment_status
            (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
        VALUES (NEW.tenant_id, NEW.id, NEW.version, OLD.status, NEW.status,
            NEW.cancelled_at, NEW.cancelled_by, NEW.cancel_reason);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payment_apply AFTER INSERT OR UPDATE ON hms.payment FOR EACH ROW EXECUTE FUNCTION hms.apply_payment();

CREATE TABLE hms.refund (
    tenant_id        uuid          NOT NULL,
    id               uuid          NOT NULL,
    payment_id       uuid          NOT NULL,
    bill_id          uuid          NOT NULL,
    patient_id       uuid          NOT NULL,
    share_id         uuid          NOT NULL,
    amount           numeric(19,4) NOT NULL,
    currency         text          NOT NULL,
    method           text          NOT NULL,
    reference_number text          NOT NULL DEFAULT '',
    reference_number_key text      NOT NULL,
    reason           text          NOT NULL,
    journal_id       uuid          NOT NULL,
    business_date    date          NOT NULL,
    created_at       timestamptz   NOT NULL,
    created_by       text          NOT NULL,
    version          bigint        NOT NULL DEFAULT 1,
    CONSTRAINT refund_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refund_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT refund_payment_fkey FOREIGN KEY (tenant_id, payment_id, bill_id, currency)
        REFERENCES hms.payment (tenant_id, id, bill_id, currency),
    CONSTRAINT refund_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT refund_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id, currency)
        REFERENCES hms.bill_share (tenant_id, id, bill_id, currency),
    CONSTRAINT refund_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal (tenant_id, id),
    CONSTRAINT refund_amount_check CHECK (hms.is_money(amount, currency) AND amount > 0),
    CONSTRAINT refund_method_check CHECK (method IN ('cash', 'card', 'mobile-money', 'bank-transfer', 'insurance', 'cheque')),
    CONSTRAINT refund_reference_check CHECK (length(reference_number) <= 100),
    CONSTRAINT refund_twin_check CHECK ((reference_number_key = '') = (reference_number = '')),
    CONSTRAINT refund_reason_check CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE UNIQUE INDEX refund_reference_key ON hms.refund (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '';
CREATE INDEX refund_payment_idx ON hms.refund (tenant_id, payment_id, bill_id, currency);
CREATE INDEX refund_bill_idx ON hms.refund (tenant_id, bill_id, patient_id);
CREATE INDEX refund_share_idx ON hms.refund (tenant_id, share_id, bill_id, currency);
CREATE INDEX refund_day_idx ON hms.refund (tenant_id, business_date, id);
SELECT hms.install_table('refund', 'patient_id', 'id', 'SELECT, INSERT');
SELECT hms.append_only('refund');

CREATE FUNCTION hms.apply_refund() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hms.payment AS p SET refunded_amount = p.refunded_amount + NEW.amount, version = p.version + 1
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.payment_id AND p.share_id = NEW.share_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the refund names another share than its payment' USING ERRCODE = 'HM503';
    END IF;
    PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, -NEW.amount, 0,
        NEW.created_by, NEW.created_at, NEW.reason);
    RETURN NULL;
END $$;
CREATE TRIGGER refund_apply AFTER INSERT ON hms.refund FOR EACH ROW EXECUTE FUNCTION hms.apply_refund();

-- Takes a payment on one share of a bill. Locks: account, bill, share. NULL patient: no such bill.
CREATE FUNCTION hms.pay_bill(
    p_tenant uuid, p_payment uuid, p_journal uuid, p_bill uuid, p_coverage uuid, p_amount numeric, p_currency text,
    p_method text, p_reference text, p_reference_key text, p_by text, p_now timestamptz, p_day date,
    OUT out_patient uuid, OUT out_share uuid, OUT out_status text
) LANGUAGE plpgsql AS $$
DECLARE
    b record;
    s record;
BEGIN
    SELECT x.patient_id INTO out_patient FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM hms.lock_billing_account(p_tenant, out_patient, p_now);
    SELECT x.status, x.currency INTO b FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill FOR UPDATE;
    IF b.status NOT IN ('issued', 'balanced') THEN
        RAISE EXCEPTION 'the bill is not issued' USING ERRCODE = 'HM507';
    END IF;
    IF b.currency <> p_currency THEN
        RAISE EXCEPTION 'the bill is in another currency' USING ERRCODE = 'HM509';
    END IF;
    SELECT x.id, x.sequence, x.amount - x.paid_amount - x.credited_amount AS due INTO s FROM hms.bill_share AS x
    WHERE x.tenant_id = p_tenant AND x.bill_id = p_bill AND x.coverage_id IS NOT DISTINCT FROM p_coverage FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the coverage has no share of this bill' USING ERRCODE = 'HM510';
    END IF;
    IF p_amount > s.due THEN
        RAISE EXCEPTION 'more than is open' USING ERRCODE = 'HM502', DETAIL = greatest(s.due, 0) || ' ' || p_currency;
    END IF;
    PERFORM hms.post_pair(p_tenant, p_journal, 'payment', p_payment, p_bill, p_amount, p_currency,
        'cash-' || p_method, hms.receivable_code(s.sequence), p_now, p_day);
    INSERT INTO hms.payment (tenant_id, id, bill_id, patient_id, share_id, amount, currency, method, reference_number,
        reference_number_key, status, journal_id, business_date, created_at, created_by)
    VALUES (p_tenant, p_payment, p_bill, out_patient, s.id, p_amount, p_currency, p_method, p_reference,
        p_reference_key, 'active', p_journal, p_day, p_now, p_by)
    ON CONFLICT (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '' DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the reference is taken' USING ERRCODE = 'HM511';
    END IF;
    out_share := s.id;
    SELECT x.status INTO out_status FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill;
END $$;

-- Locks what a payment belongs to and gives the payment: account, bill, payment.
CREATE FUNCTION hms.lock_payment(p_tenant uuid, p_payment uuid, p_now timestamptz) RETURNS hms.payment
LANGUAGE plpgsql AS $$
DECLARE
    p hms.payment;
BEGIN
    SELECT x.* INTO p FROM hms.payment AS x WHERE x.tenant_id = p_tenant AND x.id = p_payment;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM hms.lock_billing_account(p_tenant, p.patient_id, p_now);
    PERFORM 1 FROM hms.bill AS b WHERE b.tenant_id = p_tenant AND b.id = p.bill_id FOR UPDATE;
    SELECT x.* INTO p FROM hms.payment AS x WHERE x.tenant_id = p_tenant AND x.id = p_payment FOR UPDATE;
    RETURN p;
END $$;

-- Cancels a payment as a whole. NULL patient: no such payment.
CREATE FUNCTION hms.cancel_payment(
    p_tenant uuid, p_payment uuid, p_journal uuid, p_reason text, p_by text, p_now timestamptz, p_day date,
    OUT out_patient uuid, OUT out_bill uuid
) LANGUAGE plpgsql AS $$
DECLARE
    p hms.payment := hms.lock_payment(p_tenant, p_payment, p_now);
    n integer;
BEGIN
    IF p.id IS NULL THEN
        RETURN;
    END IF;
    IF p.status <> 'active' THEN
        RAISE EXCEPTION 'the payment is cancelled already' USING ERRCODE = 'HM508';
    END IF;
    IF p.refunded_amount > 0 THEN
        RAISE EXCEPTION 'the payment was refunded' USING ERRCODE = 'HM506';
    END IF;
    SELECT s.sequence INTO n FROM hms.bill_share AS s WHERE s.tenant_id = p_tenant AND s.id = p.share_id;
    PERFORM hms.post_pair(p_tenant, p_journal, 'payment-cancellation', p_payment, p.bill_id, p.amount, p.currency,
        hms.receivable_code(n), 'cash-' || p.method, p_now, p_day);
    UPDATE hms.payment AS x SET status = 'cancelled', cancelled_at = p_now, cancelled_by = p_by, cancelled_on = p_day,
        cancel_reason = p_reason, version = x.version + 1
    WHERE x.tenant_id = p_tenant AND x.id = p_payment;
    out_patient := p.patient_id;
    out_bill := p.bill_id;
END $$;

-- Gives back part or all of one payment. NULL patient: no such payment.
CREATE FUNCTION hms.refund_payment(
    p_tenant uuid, p_refund uuid, p_journal uuid, p_payment uuid, p_amount numeric, p_currency text, p_method text,
    p_reference text, p_reference_key text, p_reason text, p_by text, p_now timestamptz, p_day date,
    OUT out_patient uuid, OUT out_bill uuid, OUT out_method text
) LANGUAGE plpgsql AS $$
DECLARE
    p hms.payment := hms.lock_payment(p_tenant, p_payment, p_now);
    n integer;
BEGIN
    IF p.id IS NULL THEN
        RETURN;
    END IF;
    IF p.status <> 'active' THEN
        RAISE EXCEPTION 'the payment is cancelled' USING ERRCODE = 'HM508';
    END IF;
    IF p.currency <> p_currency THEN
        RAISE EXCEPTION 'the payment is in another currency' USING ERRCODE = 'HM509';
    END IF;
    IF p_amount > p.amount - p.refunded_amount THEN
        RAISE EXCEPTION 'more than is refundable' USING ERRCODE = 'HM505', DETAIL = p.amount - p.refunded_amount || ' ' || p.currency;
    END IF;
    out_method := coalesce(nullif(p_method, ''), p.method);
    SELECT s.sequence INTO n FROM hms.bill_share AS s WHERE s.tenant_id = p_tenant AND s.id = p.share_id;
    PERFORM hms.post_pair(p_tenant, p_journal, 'refund', p_refund, p.bill_id, p_amount, p_currency,
        hms.receivable_code(n), 'cash-' || out_method, p_now, p_day);
    INSERT INTO hms.refund (tenant_id, id, payment_id, bill_id, patient_id, share_id, amount, currency, method, reference_number,
        reference_number_key, reason, journal_id, business_date, created_at, created_by)
    VALUES (p_tenant, p_refund, p_payment, p.bill_id, p.patient_id, p.share_id, p_amount, p_currency, out_method, p_reference,
        p_reference_key, p_reason, p_journal, p_day, p_now, p_by)
    ON CONFLICT (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '' DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the reference is taken' USING ERRCODE = 'HM511';
    END IF;
    out_patient := p.patient_id;
    out_bill := p.bill_id;
END $$;

-- ---------------------------------------------------------------------------------------
-- Credit notes

CREATE TABLE hms.credit_note (
    tenant_id    uuid          NOT NULL,
    id           uuid          NOT NULL,
    bill_id      uuid          NOT NULL,
    patient_id   uuid          NOT NULL,
    note_number  text          NOT NULL,
    note_date    date          NOT NULL,
    currency     text          NOT NULL,
    net_amount   numeric(19,4) NOT NULL,
    tax_amount   numeric(19,4) NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    reason       text          NOT NULL,
    journal_id   uuid          NOT NULL,
    created_at   timestamptz   NOT NULL,
    created_by   text          NOT NULL,
    version      bigint        NOT NULL DEFAULT 1,
    CONSTRAINT credit_note_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_note_number_key UNIQUE (tenant_id, note_number),
    CONSTRAINT credit_note_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT credit_note_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT credit_note_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill (tenant_id, id, currency),
    CONSTRAINT credit_note_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal (tenant_id, id),
    CONSTRAINT credit_note_net_check CHECK (hms.is_money(net_amount, currency) AND net_amount >= 0),
    CONSTRAINT credit_note_tax_check CHECK (hms.is_money(tax_amount, currency) AND tax_amount >= 0),
    CONSTRAINT credit_note_total_check CHECK (hms.is_money(total_amount, currency) AND total_amount > 0
        AND total_amount = net_amount + tax_amount),
    CONSTRAINT credit_note_reason_check CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE INDEX credit_note_bill_idx ON hms.credit_note (tenant_id, bill_id, patient_id);
CREATE INDEX credit_note_currency_idx ON hms.credit_note (tenant_id, bill_id, currency);
CREATE INDEX credit_note_day_idx ON hms.credit_note (tenant_id, note_date, id);
SELECT hms.install_table('credit_note', 'patient_id', 'id', 'SELECT, INSERT');
SELECT hms.append_only('credit_note');

CREATE TABLE hms.credit_note_line (
    tenant_id    uuid          NOT NULL,
    note_id      uuid          NOT NULL,
    bill_line_id uuid          NOT NULL,
    currency     text          NOT NULL,
    quantity     numeric(19,4) NOT NULL,
    net_amount   numeric(19,4) NOT NULL,
    tax_amount   numeric(19,4) NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    CONSTRAINT credit_note_line_pkey PRIMARY KEY (tenant_id, note_id, bill_line_id),
    CONSTRAINT credit_note_line_note_fkey FOREIGN KEY (tenant_id, note_id) REFERENCES hms.credit_note (tenant_id, id),
    CONSTRAINT credit_note_line_line_fkey FOREIGN KEY (tenant_id, bill_line_id) REFERENCES hms.bill_line (tenant_id, id),
    CONSTRAINT credit_note_line_quantity_check CHECK (quantity <> 'NaN' AND quantity >= 0),
    CONSTRAINT credit_note_line_net_check CHECK (hms.is_money(net_amount, currency) AND net_amount >= 0),
    CONSTRAINT credit_note_line_tax_check CHECK (hms.is_money(tax_amount, currency) AND tax_amount >= 0),
    CONSTRAINT credit_note_line_total_check CHECK (hms.is_money(total_amount, currency) AND total_amount > 0
        AND total_amount = net_amount + tax_amount)
);
CREATE INDEX credit_note_line_line_idx ON hms.credit_note_line (tenant_id, bill_line_id);
SELECT hms.install_table('credit_note_line', '', 'note_id,bill_line_id', 'SELECT, INSERT');
SELECT hms.append_only('credit_note_line');

CREATE TABLE hms.credit_note_share (
    tenant_id    uuid          NOT NULL,
    note_id      uuid          NOT NULL,
    bill_line_id uuid          NOT NULL,
    share_id     uuid          NOT NULL,
    currency     text          NOT NULL,
    amount       numeric(19,4) NOT NULL,
    CONSTRAINT credit_note_share_pkey PRIMARY KEY (tenant_id, note_id, bill_line_id, share_id),
    CONSTRAINT credit_note_share_line_fkey FOREIGN KEY (tenant_id, note_id, bill_line_id)
        REFERENCES hms.credit_note_line (tenant_id, note_id, bill_line_id),
    CONSTRAINT credit_note_share_share_fkey FOREIGN KEY (tenant_id, bill_line_id, share_id)
        REFERENCES hms.bill_line_share (tenant_id, bill_line_id, share_id),
    CONSTRAINT credit_note_share_amount_check CHECK (hms.is_money(amount, currency) AND amount > 0)
);
CREATE INDEX credit_note_share_share_idx ON hms.credit_note_share (tenant_id, bill_line_id, share_id);
SELECT hms.install_table('credit_note_share', '', 'note_id,bill_line_id,share_id', 'SELECT, INSERT');
SELECT hms.append_only('credit_note_share');

-- A credited line adds to what its bill line has been credited, which the line's CHECK bounds.
CREATE FUNCTION hms.apply_credit_line() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hms.bill_line AS l SET credited_quantity = l.credited_quantity + NEW.quantity,
        credited_net = l.credited_net + NEW.net_amount, credited_tax = l.credited_tax + NEW.tax_amount
    WHERE l.tenant_id = NEW.tenant_id AND l.id = NEW.bill_line_id AND l.currency = NEW.currency AND l.issued_at IS NOT NULL
      AND l.bill_id = (SELECT n.bill_id FROM hms.credit_note AS n WHERE n.tenant_id = NEW.tenant_id AND n.id = NEW.note_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the line is not of the issued bill' USING ERRCODE = 'HM503';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_note_line_apply AFTER INSERT ON hms.credit_note_line FOR EACH ROW EXECUTE FUNCTION hms.apply_credit_line();

CREATE FUNCTION hms.apply_credit_share() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    n record;
BEGIN
    SELECT c.created_by, c.created_at, c.reason INTO n FROM hms.credit_note AS c
    WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.note_id;
    UPDATE hms.bill_line_share AS l SET credited_amount = l.credited_amount + NEW.amount
    WHERE l.tenant_id = NEW.tenant_id AND l.bill_line_id = NEW.bill_line_id AND l.share_id = NEW.share_id AND l.currency = NEW.currency;
    IF NOT hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, 0, NEW.amount,
        n.created_by, n.created_at, n.reason) THEN
        RAISE EXCEPTION 'the share is in another currency' USING ERRCODE = 'HM503';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_note_share_apply AFTER INSERT ON hms.credit_note_share FOR EACH ROW EXECUTE FUNCTION hms.apply_credit_share();

-- After the statement that writes a note's lines, or their shares, they must sum to the note.
CREATE FUNCTION hms.check_credit_note() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    r    record;
    want numeric;
    have numeric;
BEGIN
    FOR r IN SELECT DISTINCT n.tenant_id, n.note_id FROM new_rows AS n LOOP
        SELECT c.total_amount INTO want FROM hms.credit_note AS c WHERE c.tenant_id = r.tenant_id AND c.id = r.note_id;
        IF TG_ARGV[0] = 'line' THEN
            SELECT sum(l.total_amount) INTO have FROM hms.credit_note_line AS l WHERE l.tenant_id = r.tenant_id AND l.note_id = r.note_id;
        ELSE
            SELECT sum(s.amount) INTO have FROM hms.credit_note_share AS s WHERE s.tenant_id = r.tenant_id AND s.note_id = r.note_id;
        END IF;
        IF have IS DISTINCT FROM want THEN
            RAISE EXCEPTION 'the credit note does not sum up' USING ERRCODE = 'HM504';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_note_line_sum AFTER INSERT ON hms.credit_note_line REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hms.check_credit_note('line');
CREATE TRIGGER credit_note_share_sum AFTER INSERT ON hms.credit_note_share REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hms.check_credit_note('share');
