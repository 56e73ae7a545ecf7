namespace PgCluster.Engine.Pooling;

/// <summary>A row of SHOW DATABASES.</summary>
/// <param name="Name">What clients ask for.</param>
/// <param name="Host">Where it leads; null for the console's own.</param>
/// <param name="Port">TCP port it leads to.</param>
/// <param name="Database">The database on the server.</param>
/// <param name="PoolMode">session, transaction or statement; null for the pooler's default.</param>
/// <param name="CurrentConnections">Server connections open.</param>
/// <param name="Paused">True under a pause of this database.</param>
/// <param name="Disabled">True when new connections are refused.</param>
public sealed record PoolerDatabase(
    string Name, string? Host, int Port, string Database, string? PoolMode, int CurrentConnections, bool Paused, bool Disabled)
{
    /// <summary>The name of the console's own database: fixed in PgBouncer.</summary>
    public const string ConsoleName = "pgbouncer";

    /// <summary>True for the console's own, which leads nowhere and can be neither paused nor disabled.</summary>
    public bool IsConsole => Name == ConsoleName;
}

/// <summary>A row of SHOW SERVERS.</summary>
/// <param name="Database">The pooler's database it belongs to.</param>
/// <param name="Address">IP address of the server; "unix" for a socket.</param>
/// <param name="Port">Its port.</param>
/// <param name="InUse">True while clients wait for it: one is linked to it, or it is being connected to, of which there is only one at a time.</param>
public sealed record PoolerServer(string Database, string Address, int Port, bool InUse);

/// <summary>What a pooler is doing, as counts, and how it is set up.</summary>
/// <param name="ClientsActive">Clients linked to a server connection or idle.</param>
/// <param name="ClientsWaiting">Clients that wait for a server connection.</param>
/// <param name="ServersActive">Server connections linked to a client.</param>
/// <param name="DefaultPoolMode">The pooler's own pool_mode.</param>
/// <param name="Version">PgBouncer's version, for example 1.18.0.</param>
public sealed record PoolerCounts(int ClientsActive, int ClientsWaiting, int ServersActive, string DefaultPoolMode, string Version)
{
    /// <summary>What SHOW CONFIG says besides.</summary>
    public PoolerSettings? Settings { get; init; }
}
