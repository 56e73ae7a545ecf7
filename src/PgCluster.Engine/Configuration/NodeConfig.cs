namespace PgCluster.Engine.Configuration;

/// <summary>One PostgreSQL server and its agent.</summary>
public sealed record NodeConfig
{
    /// <summary>Port of the agents' API where nobody says otherwise.</summary>
    public const int UsualAgentPort = 8432;

    /// <summary>Port of the agents' HTTP endpoints where nobody says otherwise.</summary>
    public const int UsualHttpPort = 8433;

    /// <summary>The node's name; also the application_name its standby streams under.</summary>
    public required string Name { get; init; }

    /// <summary>Host name or address of its PostgreSQL, as other nodes and poolers reach it.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port of its PostgreSQL.</summary>
    public int Port { get; init; } = 5432;

    /// <summary>Where its agent serves the agent API.</summary>
    public required HostPort Agent { get; init; }

    /// <summary>Where its agent serves health and metrics over HTTP.</summary>
    public required HostPort Http { get; init; }

    /// <summary>
    /// Where the gRPC service of pgsql-cluster-manager is reached, in plain text and without asking who calls: its own agent serves it there until ours takes its place, which then does. Null for nowhere.
    /// </summary>
    public HostPort? Pgcm { get; init; }

    /// <summary>PostgreSQL's data directory on the node; empty where no agent runs by this configuration, or where Pacemaker knows it.</summary>
    public string DataDirectory { get; init; } = "";

    /// <summary>File that takes the server's output when the agent starts it; empty for one beside the data directory.</summary>
    public string LogFile { get; init; } = "";

    /// <summary>Rack, zone or site; nodes of one domain may fail together.</summary>
    public string FailureDomain { get; init; } = "";

    /// <summary>Preference among equals; higher is taken first.</summary>
    public int Weight { get; init; }

    /// <summary>True when this node must never be promoted.</summary>
    public bool NoFailover { get; init; }
}
