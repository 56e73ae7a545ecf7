namespace PgCluster.Engine.Pooling;

/// <summary>What a PgBouncer's console says of everything that a new process has to take over.</summary>
public sealed record PoolerLook
{
    /// <summary>PgBouncer's version.</summary>
    public required string Version { get; init; }

    /// <summary>SHOW CONFIG.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>SHOW DATABASES.</summary>
    public required IReadOnlyList<PoolerDatabase> Databases { get; init; }

    /// <summary>Clients, each by its end of the connection. The console's own are not among them.</summary>
    public required IReadOnlyList<string> Clients { get; init; }

    /// <summary>Connections to servers, each by the pooler's end.</summary>
    public required IReadOnlyList<string> Servers { get; init; }

    /// <summary>Clients that wait for a connection to a server.</summary>
    public int Waiting { get; init; }

    /// <summary>Clients that PgBouncer would not hand over: see <see cref="PoolerRestart.Dropped"/>.</summary>
    public int Dropped { get; init; }

    /// <summary>Clients with named prepared statements.</summary>
    public int WithPrepared { get; init; }

    /// <summary>unix_socket_dir.</summary>
    public string SocketDirectory => Setting("unix_socket_dir");

    /// <summary>Where it listens for the process that takes over from it.</summary>
    public string SocketPath => $"{SocketDirectory}/.s.PGSQL.{Setting("listen_port")}";

    /// <summary>True when it has a log of its own, wherever its standard error goes.</summary>
    public bool HasLog => Setting("logfile").Length > 0 || Setting("syslog") == "1";

    /// <summary>A setting; empty when it has none of that name.</summary>
    public string Setting(string name) => Settings.GetValueOrDefault(name, "");
}
