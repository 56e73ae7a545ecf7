namespace PgCluster;

/// <summary>A restart of a pooler in which a new process took the connections of the old one over (PgBouncer's own option -R); before it is run, what it would find.</summary>
public sealed record PoolerRestart
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The pooler's name.</summary>
    public required string Pooler { get; init; }

    /// <summary>The file that is started: the one the old process was started from, as it lies there now.</summary>
    public string Program { get; init; } = "";

    /// <summary>Id of the process before.</summary>
    public int OldPid { get; init; }

    /// <summary>Id of the process that serves now; 0 before it is run.</summary>
    public int NewPid { get; init; }

    /// <summary>PgBouncer's version before.</summary>
    public string OldVersion { get; init; } = "";

    /// <summary>PgBouncer's version now; empty before it is run.</summary>
    public string NewVersion { get; init; } = "";

    /// <summary>Clients before.</summary>
    public int Clients { get; init; }

    /// <summary>Those of <see cref="Clients"/> that the new process has. Less by those that left meanwhile by themselves, and by <see cref="Dropped"/>.</summary>
    public int ClientsKept { get; init; }

    /// <summary>Connections to servers before.</summary>
    public int Servers { get; init; }

    /// <summary>Those of <see cref="Servers"/> that the new process has.</summary>
    public int ServersKept { get; init; }

    /// <summary>Clients before whose connection PgBouncer does not hand over: it is under TLS, or in the middle of a transaction on a connection to a server that is.</summary>
    public int Dropped { get; init; }

    /// <summary>Clients before that had named prepared statements, which PgBouncer (1.21 or later) does not hand over: their next use of one fails.</summary>
    public int LosePrepared { get; init; }

    /// <summary>Settings and databases that the new process has otherwise, because the file says so or because they were changed at the console only: "name: before -> now".</summary>
    public IReadOnlyList<string> Changes { get; init => field = Indexable.Of(value); } = [];

    /// <summary>From the start of the new process to its first answer, in milliseconds; clients wait for a part of it.</summary>
    public double ElapsedMs { get; init; }
}
