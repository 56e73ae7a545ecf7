namespace PgCluster;

/// <summary>A standby that is to leave its cluster.</summary>
public sealed record RemoveNodeRequest
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>True when its agent is to stop its server; else the server goes on as it is, and nobody looks after it.</summary>
    public bool StopServer { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
