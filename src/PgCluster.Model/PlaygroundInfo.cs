namespace PgCluster;

/// <summary>A playground and where everything of it is.</summary>
public sealed record PlaygroundInfo
{
    /// <summary>The playground's name; also its cluster's.</summary>
    public required string Name { get; init; }

    /// <summary>What holds its cluster together.</summary>
    public ClusterManager Manager { get; init; }

    /// <summary>Directory that holds all of it.</summary>
    public required string Path { get; init; }

    /// <summary>Configuration file of its cluster.</summary>
    public required string ConfigFile { get; init; }

    /// <summary>libpq URI of the application pooler.</summary>
    public required string ClientUri { get; init; }

    /// <summary>etcd's client endpoints.</summary>
    public required IReadOnlyList<string> EtcdEndpoints { get; init => field = Indexable.Of(value); }

    /// <summary>The PostgreSQL servers.</summary>
    public required IReadOnlyList<PlaygroundServer> Servers { get; init => field = Indexable.Of(value); }

    /// <summary>The poolers: one beside each node, and the application's.</summary>
    public required IReadOnlyList<PlaygroundPooler> Poolers { get; init => field = Indexable.Of(value); }

    /// <summary>Every process of it, with its pid when it runs.</summary>
    public required IReadOnlyList<PlaygroundProcess> Processes { get; init => field = Indexable.Of(value); }

    /// <summary>True when every process runs.</summary>
    public bool Running { get; init; }
}

/// <summary>A PostgreSQL server of a playground.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Uri">libpq URI that leads straight to it.</param>
/// <param name="Pid">Process id of its postmaster; 0 when it does not run.</param>
/// <param name="DataDirectory">Its data directory; with Pacemaker as its host has it.</param>
/// <param name="Agent">host:port of its agent.</param>
/// <param name="Http">Base address of its agent's HTTP endpoints.</param>
public sealed record PlaygroundServer(string Name, string Uri, int Pid, string DataDirectory, string Agent, string Http);

/// <summary>A PgBouncer of a playground.</summary>
/// <param name="Name">The pooler's name.</param>
/// <param name="Uri">libpq URI of its clients.</param>
/// <param name="Pid">Process id; 0 when it does not run.</param>
/// <param name="ConfigFile">The rendered ini file.</param>
public sealed record PlaygroundPooler(string Name, string Uri, int Pid, string ConfigFile);

/// <summary>A process of a playground.</summary>
/// <param name="Name">What it is, for example agent-pg01.</param>
/// <param name="Pid">Process id; 0 when it does not run.</param>
/// <param name="LogFile">Where it logs to.</param>
public sealed record PlaygroundProcess(string Name, int Pid, string LogFile);
