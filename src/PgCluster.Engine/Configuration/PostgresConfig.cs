namespace PgCluster.Engine.Configuration;

/// <summary>What all PostgreSQL servers of the cluster have in common.</summary>
public sealed record PostgresConfig
{
    /// <summary>Directory of pg_ctl and its siblings; empty to look for it.</summary>
    public string BinDirectory { get; init; } = "";

    /// <summary>Role the agent connects as; may promote, checkpoint and terminate.</summary>
    public string User { get; init; } = "postgres";

    /// <summary>Database the agent connects to.</summary>
    public string Database { get; init; } = "postgres";

    /// <summary>File with the password of <see cref="User"/>; empty for none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>Role standbys stream as.</summary>
    public string ReplicationUser { get; init; } = "postgres";

    /// <summary>Budget of one connection attempt.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);
}
