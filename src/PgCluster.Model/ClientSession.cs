namespace PgCluster;

/// <summary>A client's session on a node.</summary>
public sealed record ClientSession
{
    /// <summary>The node it is on.</summary>
    public required string Node { get; init; }

    /// <summary>Process id of its backend.</summary>
    public required int Pid { get; init; }

    /// <summary>Its user.</summary>
    public string User { get; init; } = "";

    /// <summary>Its database.</summary>
    public string Database { get; init; } = "";

    /// <summary>Its application_name.</summary>
    public string Application { get; init; } = "";

    /// <summary>pg_stat_activity's state.</summary>
    public string State { get; init; } = "";

    /// <summary>Seconds since it was opened.</summary>
    public double AgeSeconds { get; init; }
}
