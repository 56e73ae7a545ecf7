namespace PgCluster;

/// <summary>A session that would keep a pooler from pausing.</summary>
public sealed record PauseBlocker
{
    /// <summary>Node whose server the session is on.</summary>
    public required string Node { get; init; }

    /// <summary>Process id of the backend on that server.</summary>
    public required int Pid { get; init; }

    /// <summary>Role the session is logged in as.</summary>
    public string User { get; init; } = "";

    /// <summary>Database of the session.</summary>
    public string Database { get; init; } = "";

    /// <summary>application_name of the session.</summary>
    public string Application { get; init; } = "";

    /// <summary>pg_stat_activity.state.</summary>
    public string State { get; init; } = "";

    /// <summary>Seconds since its transaction began.</summary>
    public double AgeSeconds { get; init; }
}
