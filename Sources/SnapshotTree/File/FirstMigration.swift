internal import SQLite

extension Schema {
  /// Version 1. Frozen: later changes are separate migrations.
  static let firstMigration = Migration(
    version: 1,
    sql: """
      PRAGMA application_id = \(applicationID);

      -- Numbers, by key. Among them the number that the next node, operation and deployment gets.
      CREATE TABLE setting (
        key TEXT NOT NULL PRIMARY KEY CHECK (key <> ''),
        value INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO setting VALUES
        ('next-node', 0), ('next-operation', 1), ('next-deployment', 1), ('keep-generations', 3);

      -- A parent has a lower number than its children, so there is no cycle.
      CREATE TABLE node (
        id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 2147483647),
        parent INTEGER REFERENCES node (id) CHECK (parent < id),
        description TEXT NOT NULL,
        created INTEGER NOT NULL,
        current INTEGER NOT NULL,
        previous INTEGER CHECK (previous <> current),
        next_generation INTEGER NOT NULL CHECK (next_generation > current AND next_generation > ifnull(previous, -1)),
        FOREIGN KEY (id, current) REFERENCES generation (node, number) DEFERRABLE INITIALLY DEFERRED,
        FOREIGN KEY (id, previous) REFERENCES generation (node, number) DEFERRABLE INITIALLY DEFERRED
      ) STRICT;
      CREATE INDEX node_by_parent ON node (parent);

      CREATE TABLE operation (
        id INTEGER PRIMARY KEY CHECK (id > 0),
        kind TEXT NOT NULL CHECK (kind <> ''),
        node INTEGER,
        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'interrupted')),
        command TEXT NOT NULL,
        started INTEGER NOT NULL,
        ended INTEGER CHECK ((ended IS NULL) = (state = 'running')),
        boot_id TEXT NOT NULL,
        pid INTEGER NOT NULL,
        generation INTEGER CHECK (generation >= 0),
        from_generation INTEGER CHECK (from_generation >= 0),
        message TEXT
      ) STRICT;
      CREATE INDEX operation_by_node ON operation (node);
      CREATE INDEX operation_running ON operation (id) WHERE state = 'running';

      -- Packages and the sets of them that generations have. The hash finds candidates; only equal sets are equal.
      CREATE TABLE package (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL CHECK (name <> ''),
        architecture TEXT NOT NULL,
        version TEXT NOT NULL,
        UNIQUE (name, architecture, version)
      ) STRICT;
      CREATE TABLE manifest (
        id INTEGER PRIMARY KEY,
        hash INTEGER NOT NULL,
        packages INTEGER NOT NULL CHECK (packages >= 0)
      ) STRICT;
      CREATE INDEX manifest_by_hash ON manifest (hash);
      CREATE TABLE manifest_package (
        manifest INTEGER NOT NULL REFERENCES manifest (id),
        package INTEGER NOT NULL REFERENCES package (id),
        PRIMARY KEY (manifest, package)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX manifest_package_by_package ON manifest_package (package);

      CREATE TABLE generation (
        node INTEGER NOT NULL REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED,
        number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 2147483647),
        subvolume TEXT NOT NULL UNIQUE CHECK (length(subvolume) = 36),
        created INTEGER NOT NULL,
        operation INTEGER,
        manifest INTEGER REFERENCES manifest (id),
        size INTEGER CHECK (size >= 0),
        PRIMARY KEY (node, number)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX generation_by_manifest ON generation (manifest);

      CREATE TABLE deployment (
        id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 2147483647),
        node INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        created INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('trying', 'good', 'failed')),
        pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
        FOREIGN KEY (node, generation) REFERENCES generation (node, number)
      ) STRICT;
      CREATE INDEX deployment_by_generation ON deployment (node, generation);

      -- Which node or deployment plays a part, such as 'default'.
      CREATE TABLE node_role (
        role TEXT NOT NULL PRIMARY KEY CHECK (role <> ''),
        node INTEGER NOT NULL REFERENCES node (id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX node_role_by_node ON node_role (node);
      CREATE TABLE deployment_role (
        role TEXT NOT NULL PRIMARY KEY CHECK (role <> ''),
        deployment INTEGER NOT NULL REFERENCES deployment (id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX deployment_role_by_deployment ON deployment_role (deployment);

      -- Subvolumes to be deleted, and nodes whose derived files are to be written or removed. The node may be gone.
      CREATE TABLE doomed (
        path TEXT NOT NULL PRIMARY KEY CHECK (path <> ''),
        subvolume TEXT CHECK (length(subvolume) = 36)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE unpublished (
        node INTEGER PRIMARY KEY
      ) STRICT;

      CREATE TABLE account (
        kind TEXT NOT NULL CHECK (kind IN ('user', 'group')),
        name TEXT NOT NULL CHECK (name <> ''),
        id INTEGER NOT NULL CHECK (id BETWEEN 0 AND 4294967294),
        PRIMARY KEY (kind, name),
        UNIQUE (kind, id)
      ) STRICT, WITHOUT ROWID;
      """)
}
