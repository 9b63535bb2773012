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
    CONSTRAINT refund_request_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES hms.payment (tenant_id, id),
    CONSTRAINT refund_request_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT refund_request_refund_fkey FOREIGN KEY (tenant_id, refund_id) REFERENCES hms.refund (tenant_id, id),
    CONSTRAINT refund_request_amount_check CHECK (hms.is_money(amount, currency) AND amount > 0),
    CONSTRAINT refund_request_method_check CHECK (method IN ('', 'cash', 'card', 'mobile-money', 'bank-transfer', 'insurance', 'cheque')),
    CONSTRAINT refund_request_text_check CHECK (length(reference_number) <= 100 AND length(reason) BETWEEN 1 AND 500 AND length(decision_reason) <= 500),
    CONSTRAINT refund_request_status_check CHECK (status IN ('requested', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT refund_request_decided_check CHECK ((status = 'requested') = (decided_at IS NULL) AND (status = 'requested') = (decided_by = '')),
    CONSTRAINT refund_request_refunded_check CHECK ((status = 'approved') = (refund_id IS NOT NULL)),
    -- The person who asked does not approve, by whatever account or key; the host's own actor is no person.
    CONSTRAINT refund_request_approver_check CHECK (status <> 'approved' OR hms.actor_person(decided_by) <> hms.actor_person(created_by))
);
CREATE INDEX refund_request_payment_idx ON hms.refund_request (tenant_id, payment_id);
CREATE INDEX refund_request_patient_idx ON hms.refund_request (tenant_id, patient_id);
CREATE INDEX refund_request_waiting_idx ON hms.refund_request (tenant_id, status, created_at, id);
SELECT hms.install_table('refund_request', 'patient_id');
SELECT hms.guard_status('refund_request', 'requested>approved', 'requested>rejected', 'requested>withdrawn');
SELECT hms.install_status_history('refund_request');
