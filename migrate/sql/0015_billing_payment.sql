-- Payments, refunds and their requests, credit notes.

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
    CONSTRAINT payment_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT payment_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT payment_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill (tenant_id, id, patient_id),
    CONSTRAINT payment_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id, currency)
        REFERENCES hms.bill_share (tenant_id, id, bill_id, currency),
    CONSTRAINT payment_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal (tenant_id, id),
    CONSTRAINT payment_amount_check CHECK (hms.is_money(amount, currency) AND amount > 0),
    CONSTRAINT payment_method_check CHECK (method IN ('cash', 'card', 'mobile-money', 'bank-transfer', 'insurance', 'cheque')),
    CONSTRAINT payment_reference_check CHECK (length(reference_number) <= 100),
    CONSTRAINT payment_key_check CHECK ((reference_number_key = '') = (reference_number = '')),
    CONSTRAINT payment_status_check CHECK (status IN ('active', 'cancelled')),
    CONSTRAINT payment_refunded_check CHECK (hms.is_money(refunded_amount, currency) AND refunded_amount BETWEEN 0 AND amount),
    -- A payment is cancelled or refunded, never both.
    CONSTRAINT payment_undone_check CHECK (status <> 'cancelled' OR refunded_amount = 0),
    CONSTRAINT payment_cancelled_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)
        AND (cancelled_at IS NULL) = (cancelled_on IS NULL) AND (cancelled_at IS NULL) = (cancelled_by = '')
        AND (status <> 'cancelled' OR cancel_reason <> '') AND length(cancel_reason) <= 500),
    CONSTRAINT payment_texts_check CHECK (octet_length(reference_number_key) <= 400 AND length(cancelled_by) <= 81
        AND length(created_by) <= 81)
);
CREATE UNIQUE INDEX payment_reference_key ON hms.payment (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '';
CREATE INDEX payment_bill_idx ON hms.payment (tenant_id, bill_id, patient_id);
CREATE INDEX payment_share_idx ON hms.payment (tenant_id, share_id, bill_id, currency);
CREATE INDEX payment_day_idx ON hms.payment (tenant_id, business_date, id);
CREATE INDEX payment_cancelled_idx ON hms.payment (tenant_id, cancelled_on, id) WHERE cancelled_on IS NOT NULL;
SELECT hms.install_table('payment', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (status, refunded_amount, cancelled_at, cancelled_by, cancelled_on, cancel_reason,
        version)');
SELECT hms.guard_status('payment', 'active>cancelled');
SELECT hms.install_status_history('payment');

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
    CONSTRAINT refund_patient_key UNIQUE (tenant_id, id, patient_id),
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
    CONSTRAINT refund_key_check CHECK ((reference_number_key = '') = (reference_number = '')),
    CONSTRAINT refund_reason_check CHECK (length(reason) BETWEEN 1 AND 500),
    CONSTRAINT refund_texts_check CHECK (octet_length(reference_number_key) <= 400 AND length(created_by) <= 81)
);
CREATE UNIQUE INDEX refund_reference_key ON hms.refund (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '';
CREATE INDEX refund_payment_idx ON hms.refund (tenant_id, payment_id, bill_id, currency);
CREATE INDEX refund_bill_idx ON hms.refund (tenant_id, bill_id, patient_id);
CREATE INDEX refund_share_idx ON hms.refund (tenant_id, share_id, bill_id, currency);
CREATE INDEX refund_day_idx ON hms.refund (tenant_id, business_date, id);
SELECT hms.install_table('refund', 'patient_id', p_kind => 'money');

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
    CONSTRAINT credit_note_reason_check CHECK (length(reason) BETWEEN 1 AND 500),
    CONSTRAINT credit_note_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX credit_note_bill_idx ON hms.credit_note (tenant_id, bill_id, patient_id);
CREATE INDEX credit_note_currency_idx ON hms.credit_note (tenant_id, bill_id, currency);
CREATE INDEX credit_note_day_idx ON hms.credit_note (tenant_id, note_date, id);
SELECT hms.install_table('credit_note', 'patient_id', p_kind => 'money');

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
SELECT hms.install_table('credit_note_line', '', 'note_id,bill_line_id');

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
SELECT hms.install_table('credit_note_share', '', 'note_id,bill_line_id,share_id');

-- Refunds that one person asks for and another approves.
CREATE TABLE hms.refund_request (
    tenant_id        uuid          NOT NULL,
    id               uuid          NOT NULL,
    payment_id       uuid          NOT NULL,
    patient_id       uuid          NOT NULL,
    amount           numeric(19,4) NOT NULL,
    currency         text          NOT NULL,
    method           text          NOT NULL,
    reference_number text          NOT NULL DEFAULT '',
    reason           text          NOT NULL,
    status           text          NOT NULL,
    created_by       text          NOT NULL,
    created_at       timestamptz   NOT NULL,
    decided_by       text          NOT NULL DEFAULT '',
    decided_at       timestamptz,
    decision_reason  text          NOT NULL DEFAULT '',
    refund_id        uuid,
    version          bigint        NOT NULL DEFAULT 1,
    CONSTRAINT refund_request_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refund_request_refund_key UNIQUE (tenant_id, refund_id),
    CONSTRAINT refund_request_payment_fkey FOREIGN KEY (tenant_id, payment_id, patient_id)
        REFERENCES hms.payment (tenant_id, id, patient_id),
    CONSTRAINT refund_request_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT refund_request_refund_fkey FOREIGN KEY (tenant_id, refund_id, patient_id)
        REFERENCES hms.refund (tenant_id, id, patient_id),
    CONSTRAINT refund_request_amount_check CHECK (hms.is_money(amount, currency) AND amount > 0),
    CONSTRAINT refund_request_method_check CHECK (method IN ('', 'cash', 'card', 'mobile-money', 'bank-transfer', 'insurance', 'cheque')),
    CONSTRAINT refund_request_text_check CHECK (length(reference_number) <= 100 AND length(reason) BETWEEN 1 AND 500 AND length(decision_reason) <= 500),
    CONSTRAINT refund_request_status_check CHECK (status IN ('requested', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT refund_request_decided_check CHECK ((status = 'requested') = (decided_at IS NULL) AND (status = 'requested') = (decided_by = '')),
    CONSTRAINT refund_request_refunded_check CHECK ((status = 'approved') = (refund_id IS NOT NULL)),
    -- The person who asked does not approve, by whatever account or key; the host's own actor is no person.
    CONSTRAINT refund_request_approver_check CHECK (status <> 'approved' OR hms.actor_person(decided_by) <> hms.actor_person(created_by)),
    CONSTRAINT refund_request_texts_check CHECK (length(created_by) <= 81 AND length(decided_by) <= 81)
);
CREATE INDEX refund_request_payment_idx ON hms.refund_request (tenant_id, payment_id);
CREATE INDEX refund_request_patient_idx ON hms.refund_request (tenant_id, patient_id);
CREATE INDEX refund_request_waiting_idx ON hms.refund_request (tenant_id, status, created_at, id);
SELECT hms.install_table('refund_request', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (status, decided_by, decided_at, decision_reason, refund_id, version)');
SELECT hms.guard_status('refund_request', 'requested>approved', 'requested>rejected', 'requested>withdrawn');
SELECT hms.install_status_history('refund_request');
