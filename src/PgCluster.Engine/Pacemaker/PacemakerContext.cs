using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>What the parts of an agent under Pacemaker share: its node's ports, and what it has seen last.</summary>
internal sealed class PacemakerContext : IDisposable
{
    private readonly SemaphoreSlim _wake = new(0, 1);
    private volatile PostgresStatus? _status;
    private volatile PacemakerLook? _look;

    public PacemakerContext(
        NodeConfig self, ClusterConfig config, IPostgresServer server, IServerProbe servers, IPacemaker pacemaker, IClusterStore store, TimeProvider time, ILogger logger, string version, string machine)
    {
        (Self, Config, Server, Servers, Pacemaker, Store, Time, Logger, Version) = (self, config, server, servers, pacemaker, store, time, logger, version);
        Keys = new StoreKeys(config.Etcd.PrimaryKey);
        Place = $"{machine}:{self.DataDirectory}";
        Report = new ReportKey(self.Name, Place, config.Agent.StateTtl, store);
    }

    public NodeConfig Self { get; }

    public ClusterConfig Config { get; }

    public IPostgresServer Server { get; }

    /// <summary>Asks the servers of other nodes.</summary>
    public IServerProbe Servers { get; }

    public IPacemaker Pacemaker { get; }

    public IClusterStore Store { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    /// <summary>Version of the agent.</summary>
    public string Version { get; }

    /// <summary>Where this agent is: its machine's name and the data directory.</summary>
    public string Place { get; }

    public StoreKeys Keys { get; }

    /// <summary>This node's report in the store.</summary>
    public ReportKey Report { get; }

    /// <summary>The server as last probed; null before the first probe.</summary>
    public PostgresStatus? Status => _status;

    /// <summary>Pacemaker as last seen; null before the first look.</summary>
    public PacemakerLook? Seen => _look;

    /// <summary>The nodes out of service, as last read.</summary>
    public IReadOnlyDictionary<string, NodeSuspension> SuspendedNodes { get; set; } = new Dictionary<string, NodeSuspension>();

    /// <summary>Looks at the server.</summary>
    public async Task<PostgresStatus> ProbeAsync(CancellationToken cancellationToken) => _status = await Server.ProbeAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Looks at Pacemaker.</summary>
    public async Task<PacemakerLook> LookAsync(CancellationToken cancellationToken) =>
        _look = await PacemakerLook.TakeAsync(Pacemaker, Config.Pacemaker, cancellationToken).ConfigureAwait(false);

    /// <summary>Looks at Pacemaker for an order, which needs the roles.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NoQuorum"/>, <see cref="Reason.PacemakerUnavailable"/>.</exception>
    public async Task<PacemakerRoles> RolesAsync(CancellationToken cancellationToken)
    {
        var look = await LookAsync(cancellationToken).ConfigureAwait(false);
        return look.Roles ?? throw new PgClusterException(look.Error!.Reason, $"{Self.Name}: {look.Error.Message}", look.Error) { Target = Self.Name };
    }

    /// <summary>A look at the server as a report of this node.</summary>
    public NodeReport Describe(PostgresStatus status) => new(Self.Name, status, Version, Time.GetUtcNow())
    {
        Address = new PrimaryAddress(Self.Host, Self.Port).ToHostAndPort(),
        Place = Place,
        FoundRunning = true,
        Pacemaker = Seen?.Report,
    };

    /// <summary>Makes the next look come at once.</summary>
    public void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // A look is due already.
        }
    }

    /// <summary>Returns after <see cref="Wake"/>, or after that time.</summary>
    public Task WaitAsync(TimeSpan time, CancellationToken cancellationToken) => _wake.WaitAsync(time, cancellationToken);

    public void Dispose() => _wake.Dispose();
}
