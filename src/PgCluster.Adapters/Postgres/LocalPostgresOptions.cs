namespace PgCluster.Adapters.Postgres;

/// <summary>Where the PostgreSQL of this machine is and how it is talked to.</summary>
public sealed record LocalPostgresOptions
{
    /// <summary>The node's name: its application_name as a standby, and so its name in synchronous_standby_names.</summary>
    public required string NodeName { get; init; }

    /// <summary>Host this process reaches it at: an address, or the directory of its Unix socket.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>TCP port it listens on.</summary>
    public int Port { get; init; } = 5432;

    /// <summary>Its data directory.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Directory of the postgres program; found by the data directory's version when empty.</summary>
    public string BinDirectory { get; init; } = "";

    /// <summary>postgresql.conf, where it is not in the data directory; found where Debian keeps it when empty.</summary>
    public string ConfigFile { get; init; } = "";

    /// <summary>What the server writes to standard error is appended here; beside the data directory, with .log added, when empty.</summary>
    public string LogFile { get; init; } = "";

    /// <summary>A superuser.</summary>
    public string User { get; init; } = "postgres";

    /// <summary>Database to connect to.</summary>
    public string Database { get; init; } = "postgres";

    /// <summary>The superuser's password; null for none.</summary>
    public string? Password { get; init; }

    /// <summary>User a standby connects to its primary as; the superuser when empty.</summary>
    public string ReplicationUser { get; init; } = "";

    /// <summary>Password file (libpq's passfile) for that user; none when empty.</summary>
    public string PassFile { get; init; } = "";

    /// <summary>How long a connection or a single look at the server may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// True where somebody else writes from whom the server streams, as Pacemaker's resource agent does in a file of its own: what stands in postgresql.auto.conf would go before it, and is taken out.
    /// </summary>
    public bool UpstreamElsewhere { get; init; }

    /// <summary>How long a start waits for a dead predecessor to be reaped, or its last backends to end.</summary>
    public TimeSpan LeftoverTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    /// <remarks>Without the password.</remarks>
    public override string ToString() => $"{NodeName} at {Host}:{Port}, {DataDirectory}";
}
