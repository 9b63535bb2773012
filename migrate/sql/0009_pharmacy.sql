-- Formulary, suppliers, batches, stock and dispensing.

-- A column <name>_key holds the normal form of a typed text, written by the service (internal/names): what
-- differs in case, space, dashes or Unicode form is the same thing. Unique keys stand on normal forms.
CREATE TABLE hms.medication_category (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    name        text        NOT NULL,
    name_key    text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    created_by  text        NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    CONSTRAINT medication_category_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medication_category_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT medication_category_key_check CHECK (name_key <> ''),
    CONSTRAINT medication_category_texts_check CHECK (length(name) <= 100 AND octet_length(name_key) <= 400
        AND length(description) <= 1000 AND length(created_by) <= 81)
);
SELECT hms.install_table('medication_category', p_others => 'UPDATE');

CREATE TABLE hms.medication_item (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    category_id   uuid        NOT NULL,
    name          text        NOT NULL,
    name_key      text        NOT NULL,
    generic_name  text        NOT NULL DEFAULT '',
    strength      text        NOT NULL DEFAULT '',
    strength_key  text        NOT NULL,
    unit          text        NOT NULL,
    form          text        NOT NULL DEFAULT '',
    manufacturer  text        NOT NULL DEFAULT '',
    manufacturer_key text     NOT NULL,
    rxnorm_code   text        NOT NULL DEFAULT '',
    atc_code      text        NOT NULL DEFAULT '',
    service_code  text        NOT NULL DEFAULT '',
    reorder_level bigint      NOT NULL DEFAULT 0,
    is_active     boolean     NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL,
    created_by    text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    CONSTRAINT medication_item_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medication_item_name_key UNIQUE (tenant_id, name_key, strength_key, manufacturer_key),
    CONSTRAINT medication_item_key_check CHECK (name_key <> '' AND (strength_key = '') = (strength = '')
        AND (manufacturer_key = '') = (manufacturer = '')),
    CONSTRAINT medication_item_category_fkey FOREIGN KEY (tenant_id, category_id) REFERENCES hms.medication_category (tenant_id, id),
    CONSTRAINT medication_item_reorder_check CHECK (reorder_level >= 0),
    CONSTRAINT medication_item_texts_check CHECK (length(name) <= 200 AND octet_length(name_key) <= 800
        AND length(generic_name) <= 200 AND length(strength) <= 50 AND octet_length(strength_key) <= 200
        AND length(unit) <= 20 AND length(manufacturer) <= 200 AND octet_length(manufacturer_key) <= 800
        AND length(form) <= 50 AND length(rxnorm_code) <= 50 AND length(atc_code) <= 50 AND length(service_code) <= 50 AND length(created_by) <= 81)
);
CREATE INDEX medication_item_category_idx ON hms.medication_item (tenant_id, category_id);
SELECT hms.install_table('medication_item', p_grants =>
    'SELECT, INSERT, UPDATE (category_id, name, name_key, generic_name, strength, strength_key, unit, form,
        manufacturer, manufacturer_key, rxnorm_code, atc_code, service_code, reorder_level, is_active, version)');

-- What is prescribed of the formulary is in the formulary.
ALTER TABLE hms.prescription ADD CONSTRAINT prescription_item_fkey
    FOREIGN KEY (tenant_id, medication_item_id) REFERENCES hms.medication_item (tenant_id, id);

CREATE TABLE hms.supplier (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    name           text        NOT NULL,
    name_key       text        NOT NULL,
    contact_person text        NOT NULL DEFAULT '',
    phone_number   text        NOT NULL DEFAULT '',
    email          text        NOT NULL DEFAULT '',
    address        text        NOT NULL DEFAULT '',
    is_active      boolean     NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    version        bigint      NOT NULL DEFAULT 1,
    CONSTRAINT supplier_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT supplier_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT supplier_key_check CHECK (name_key <> ''),
    CONSTRAINT supplier_texts_check CHECK (length(name) <= 200 AND octet_length(name_key) <= 800
        AND length(contact_person) <= 200 AND length(phone_number) <= 30 AND length(email) <= 254 AND length(address) <= 500
        AND length(created_by) <= 81)
);
SELECT hms.install_table('supplier', p_others => 'UPDATE');

CREATE TABLE hms.stock_location (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    name_key   text        NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    CONSTRAINT stock_location_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_location_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT stock_location_key_check CHECK (name_key <> ''),
    CONSTRAINT stock_location_texts_check CHECK (length(name) <= 100 AND octet_length(name_key) <= 400
        AND length(created_by) <= 81)
);
SELECT hms.install_table('stock_location', p_others => 'UPDATE');

CREATE TABLE hms.stock_batch (
    tenant_id            uuid           NOT NULL,
    id                   uuid           NOT NULL,
    item_id              uuid           NOT NULL,
    supplier_id          uuid           NOT NULL,
    batch_number         text           NOT NULL,
    batch_number_key     text           NOT NULL,
    expiry_date          date,
    status               text           NOT NULL,
    status_reason        text           NOT NULL DEFAULT '',
    quantity_received    bigint         NOT NULL,
    cost_price_amount    numeric(19, 4) NOT NULL,
    selling_price_amount numeric(19, 4) NOT NULL,
    currency             text           NOT NULL,
    created_at           timestamptz    NOT NULL, -- the first delivery
    created_by           text           NOT NULL,
    version              bigint         NOT NULL DEFAULT 1,
    CONSTRAINT stock_batch_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_batch_item_key UNIQUE (tenant_id, id, item_id),
    CONSTRAINT stock_batch_number_key UNIQUE (tenant_id, item_id, batch_number_key),
    CONSTRAINT stock_batch_key_check CHECK (batch_number_key <> ''),
    CONSTRAINT stock_batch_item_fkey FOREIGN KEY (tenant_id, item_id) REFERENCES hms.medication_item (tenant_id, id),
    CONSTRAINT stock_batch_supplier_fkey FOREIGN KEY (tenant_id, supplier_id) REFERENCES hms.supplier (tenant_id, id),
    CONSTRAINT stock_batch_status_check CHECK (status IN ('quarantine', 'available', 'hold', 'recalled', 'destroyed')),
    CONSTRAINT stock_batch_received_check CHECK (quantity_received BETWEEN 1 AND 1000000000000),
    CONSTRAINT stock_batch_cost_check CHECK (cost_price_amount >= 0 AND hms.is_money(cost_price_amount, currency)),
    CONSTRAINT stock_batch_selling_check CHECK (selling_price_amount >= 0 AND hms.is_money(selling_price_amount, currency)),
    CONSTRAINT stock_batch_texts_check CHECK (length(batch_number) <= 100 AND octet_length(batch_number_key) <= 400
        AND length(status_reason) <= 500 AND length(created_by) <= 81)
);
CREATE INDEX stock_batch_expiry_idx ON hms.stock_batch (tenant_id, item_id, expiry_date, created_at, id);
CREATE INDEX stock_batch_supplier_idx ON hms.stock_batch (tenant_id, supplier_id);
SELECT hms.install_table('stock_batch', p_grants =>
    'SELECT, INSERT, UPDATE (status, status_reason, quantity_received, version)');
SELECT hms.install_status_history('stock_batch');
SELECT hms.guard_status('stock_batch', 'available>hold', 'available>quarantine', 'available>recalled', 'hold>available', 'hold>destroyed',
    'hold>recalled', 'quarantine>available', 'quarantine>destroyed', 'quarantine>recalled', 'recalled>destroyed', 'recalled>quarantine');

-- What lies where: a cache of the movements that Verify recomputes. The check is the last
-- guard against selling what is not there.
CREATE TABLE hms.stock_balance (
    tenant_id   uuid   NOT NULL,
    location_id uuid   NOT NULL,
    item_id     uuid   NOT NULL,
    batch_id    uuid   NOT NULL,
    on_hand     bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    CONSTRAINT stock_balance_pkey PRIMARY KEY (tenant_id, location_id, item_id, batch_id),
    CONSTRAINT stock_balance_location_fkey FOREIGN KEY (tenant_id, location_id) REFERENCES hms.stock_location (tenant_id, id),
    CONSTRAINT stock_balance_batch_fkey FOREIGN KEY (tenant_id, batch_id, item_id) REFERENCES hms.stock_batch (tenant_id, id, item_id),
    CONSTRAINT stock_balance_on_hand_check CHECK (on_hand >= 0),
    CONSTRAINT stock_balance_quarantined_check CHECK (quarantined >= 0)
);
CREATE INDEX stock_balance_batch_idx ON hms.stock_balance (tenant_id, batch_id, item_id);
SELECT hms.install_table('stock_balance', '', 'location_id,item_id,batch_id', p_grants =>
    'SELECT, INSERT, UPDATE (on_hand, quarantined)');

-- Double entry of units: nothing appears or vanishes, it moves from somewhere to somewhere.
CREATE TABLE hms.stock_movement (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL DEFAULT hms.uuid_v7(),
    item_id          uuid        NOT NULL,
    batch_id         uuid        NOT NULL,
    from_kind        text        NOT NULL,
    from_location_id uuid,
    to_kind          text        NOT NULL,
    to_location_id   uuid,
    quantity         bigint      NOT NULL,
    cause            text        NOT NULL,
    cause_id         uuid,
    reason           text        NOT NULL DEFAULT '',
    moved_by         text        NOT NULL,
    moved_at         timestamptz NOT NULL,
    CONSTRAINT stock_movement_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_movement_batch_fkey FOREIGN KEY (tenant_id, batch_id, item_id) REFERENCES hms.stock_batch (tenant_id, id, item_id),
    CONSTRAINT stock_movement_from_location_fkey FOREIGN KEY (tenant_id, from_location_id) REFERENCES hms.stock_location (tenant_id, id),
    CONSTRAINT stock_movement_to_location_fkey FOREIGN KEY (tenant_id, to_location_id) REFERENCES hms.stock_location (tenant_id, id),
    CONSTRAINT stock_movement_kind_check CHECK (from_kind IN ('supplier', 'stock', 'quarantine', 'patient', 'adjustment')
        AND to_kind IN ('stock', 'quarantine', 'patient', 'waste', 'adjustment')),
    CONSTRAINT stock_movement_from_check CHECK ((from_kind IN ('stock', 'quarantine')) = (from_location_id IS NOT NULL)),
    CONSTRAINT stock_movement_to_check CHECK ((to_kind IN ('stock', 'quarantine')) = (to_location_id IS NOT NULL)),
    CONSTRAINT stock_movement_quantity_check CHECK (quantity BETWEEN 1 AND 1000000000000),
    CONSTRAINT stock_movement_texts_check CHECK (length(cause) <= 30 AND length(reason) <= 500 AND length(moved_by) <= 81)
);
CREATE INDEX stock_movement_item_idx ON hms.stock_movement (tenant_id, item_id, moved_at, id);
CREATE INDEX stock_movement_batch_idx ON hms.stock_movement (tenant_id, batch_id, item_id);
CREATE INDEX stock_movement_from_idx ON hms.stock_movement (tenant_id, from_location_id);
CREATE INDEX stock_movement_to_idx ON hms.stock_movement (tenant_id, to_location_id);
SELECT hms.install_table('stock_movement');

CREATE TABLE hms.medication_dispense (
    tenant_id          uuid        NOT NULL,
    id                 uuid        NOT NULL,
    patient_id         uuid        NOT NULL,
    prescription_id    uuid,
    item_id            uuid        NOT NULL,
    location_id        uuid        NOT NULL,
    status             text        NOT NULL,
    quantity_requested bigint      NOT NULL,
    quantity_dispensed bigint      NOT NULL DEFAULT 0,
    verdict            jsonb       NOT NULL, -- of the safety checks, asked again at the hand-over
    override_reason    text        NOT NULL DEFAULT '',
    created_at         timestamptz NOT NULL, -- the hand-over
    created_by         text        NOT NULL,
    version            bigint      NOT NULL DEFAULT 1,
    CONSTRAINT medication_dispense_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medication_dispense_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT medication_dispense_prescription_fkey FOREIGN KEY (tenant_id, prescription_id, patient_id) REFERENCES hms.prescription (tenant_id, id, patient_id),
    CONSTRAINT medication_dispense_item_fkey FOREIGN KEY (tenant_id, item_id) REFERENCES hms.medication_item (tenant_id, id),
    CONSTRAINT medication_dispense_location_fkey FOREIGN KEY (tenant_id, location_id) REFERENCES hms.stock_location (tenant_id, id),
    CONSTRAINT medication_dispense_status_check CHECK (status IN ('in-progress', 'completed', 'entered-in-error')),
    CONSTRAINT medication_dispense_safety_check CHECK (hms.is_verdict(verdict)),
    CONSTRAINT medication_dispense_quantity_check CHECK (quantity_requested >= 1 AND quantity_dispensed BETWEEN 0 AND quantity_requested),
    CONSTRAINT medication_dispense_texts_check CHECK (length(override_reason) <= 500 AND length(created_by) <= 81)
);
CREATE INDEX medication_dispense_patient_idx ON hms.medication_dispense (tenant_id, patient_id, created_at, id);
CREATE INDEX medication_dispense_prescription_idx ON hms.medication_dispense (tenant_id, prescription_id, patient_id);
CREATE INDEX medication_dispense_item_idx ON hms.medication_dispense (tenant_id, item_id, created_at);
CREATE INDEX medication_dispense_location_idx ON hms.medication_dispense (tenant_id, location_id);
SELECT hms.install_table('medication_dispense', 'patient_id', p_kind => 'care', p_grants =>
    'SELECT, INSERT, UPDATE (status, quantity_dispensed, version)');
SELECT hms.install_status_history('medication_dispense');
SELECT hms.guard_status('medication_dispense', 'completed>entered-in-error', 'in-progress>completed');

CREATE TABLE hms.medication_dispense_line (
    tenant_id         uuid   NOT NULL,
    dispense_id       uuid   NOT NULL,
    batch_id          uuid   NOT NULL,
    item_id           uuid   NOT NULL,
    quantity          bigint NOT NULL,
    returned_quantity bigint NOT NULL DEFAULT 0,
    CONSTRAINT medication_dispense_line_pkey PRIMARY KEY (tenant_id, dispense_id, batch_id),
    CONSTRAINT medication_dispense_line_dispense_fkey FOREIGN KEY (tenant_id, dispense_id) REFERENCES hms.medication_dispense (tenant_id, id),
    CONSTRAINT medication_dispense_line_batch_fkey FOREIGN KEY (tenant_id, batch_id, item_id) REFERENCES hms.stock_batch (tenant_id, id, item_id),
    CONSTRAINT medication_dispense_line_quantity_check CHECK (quantity >= 1),
    CONSTRAINT medication_dispense_line_returned_check CHECK (returned_quantity BETWEEN 0 AND quantity)
);
CREATE INDEX medication_dispense_line_batch_idx ON hms.medication_dispense_line (tenant_id, batch_id, item_id);
SELECT hms.install_table('medication_dispense_line', '', 'dispense_id,batch_id', p_grants =>
    'SELECT, INSERT, UPDATE (returned_quantity)');
