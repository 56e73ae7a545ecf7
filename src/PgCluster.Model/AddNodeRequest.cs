namespace PgCluster;

/// <summary>A node that is to become a standby of a cluster.</summary>
public sealed record AddNodeRequest
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Host name or address of its PostgreSQL, as the other nodes and the poolers reach it.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port of its PostgreSQL.</summary>
    public int Port { get; init; } = 5432;

    /// <summary>PostgreSQL's data directory on the node: missing or empty, or of this very cluster.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>host:port where its agent serves the agent API.</summary>
    public required string Agent { get; init; }

    /// <summary>host:port where its agent serves health and metrics.</summary>
    public required string Http { get; init; }

    /// <summary>File that takes the server's output; empty for one beside the data directory.</summary>
    public string LogFile { get; init; } = "";

    /// <summary>Rack, zone or site.</summary>
    public string FailureDomain { get; init; } = "";

    /// <summary>Preference among equals; higher is taken first.</summary>
    public int Weight { get; init; }

    /// <summary>True when the node must never be promoted.</summary>
    public bool NoFailover { get; init; }

    /// <summary>False to return as soon as the other agents know the node, before it streams.</summary>
    public bool Wait { get; init; } = true;

    /// <summary>How long the node may take until it streams.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
