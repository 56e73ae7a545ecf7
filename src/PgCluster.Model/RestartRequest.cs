namespace PgCluster;

/// <summary>What was asked of a restart.</summary>
public sealed record RestartRequest
{
    /// <summary>The nodes whose PostgreSQL is to be restarted; null for all.</summary>
    public IReadOnlyList<string>? Nodes { get; init; }

    /// <summary>Of these only those with settings that wait for a restart.</summary>
    public bool PendingOnly { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
