using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Guard;
using PgCluster.Adapters.Postgres;
using PgCluster.Agent.Commands;
using PgCluster.Agent.Services;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// What an agent keeps when it begins anew with other nodes: its PostgreSQL, whose end it notices as its parent, the guard beside it, the pauses it holds, and what it
/// remembers.
/// </summary>
internal sealed class NodeParts(TimeProvider time, ILoggerFactory logs) : IAsyncDisposable
{
    private LocalPostgresOptions? _options;
    private LocalPostgresServer? _server;
    private ProcessGuard? _guard;
    private PoolerConfig[] _poolerConfigs = [];

    public LocalPostgresServer Server => _server ?? throw new InvalidOperationException("UseAsync comes first");

    public ProcessGuard Guard => _guard ?? throw new InvalidOperationException("UseAsync comes first");

    public KeptPooler[] Poolers { get; private set; } = [];

    /// <summary>What the agent goes on from; null at the beginning.</summary>
    public NodeMemory? Memory { get; set; }

    /// <summary>Makes what is not there yet, or not as the configuration has it now.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>.</exception>
    public async Task UseAsync(ClusterConfig config, NodeConfig self)
    {
        if (self.DataDirectory.Length == 0)
        {
            throw new PgClusterException(Reason.InvalidConfiguration, $"node {self.Name} has no data_directory; its agent needs one") { Target = self.Name };
        }

        var options = Options(config, self);
        if (_options != options)
        {
            await ReleaseServerAsync().ConfigureAwait(false);
            _server = new LocalPostgresServer(options, time, logs.CreateLogger<LocalPostgresServer>());
            _guard = new ProcessGuard(GuardCommand.Line, self.DataDirectory, options.LogFile, time, logs.CreateLogger<ProcessGuard>());
            _options = options;
        }

        _guard!.UseWatchdog(config.Leader.Watchdog, config.Leader.WatchdogDevice, new LeaderTiming(config.Leader.Ttl));
        PoolerConfig[] poolers = [.. config.Poolers.Where(p => p.Keeper == self.Agent)];
        if (!poolers.SequenceEqual(_poolerConfigs))
        {
            await ReleasePoolersAsync().ConfigureAwait(false);
            Poolers = [.. poolers.Select(p => new KeptPooler(config, p, time, logs))];
            _poolerConfigs = poolers;
        }
    }

    /// <summary>Goes on from what the process before this one knew, when it has ended its work; <see cref="UseAsync"/> comes first.</summary>
    public void GoOnFrom(HandedState state)
    {
        Memory = state.Node;
        KeptPoolers.GoOnFrom(Poolers, state);
    }

    /// <summary>The node was removed: the server is stopped where that was asked for, and then left alone. One that this agent has not seen as a member is not touched.</summary>
    public async Task LeaveAsync(bool stopServer)
    {
        try
        {
            if (stopServer && _server is { } server)
            {
                await server.StopAsync(ShutdownMode.Fast, CancellationToken.None).ConfigureAwait(false);
            }
        }
        finally
        {
            await DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ReleasePoolersAsync().ConfigureAwait(false);
        await ReleaseServerAsync().ConfigureAwait(false);
    }

    private async Task ReleaseServerAsync()
    {
        _options = null;
        _guard?.Dispose();
        _guard = null;
        if (_server is { } server)
        {
            Memory = null;
            _server = null;
            await server.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task ReleasePoolersAsync()
    {
        _poolerConfigs = [];
        foreach (var pooler in Poolers)
        {
            await pooler.DisposeAsync().ConfigureAwait(false);
        }

        Poolers = [];
    }

    private static LocalPostgresOptions Options(ClusterConfig config, NodeConfig self) => new()
    {
        NodeName = self.Name,
        Host = self.Host,
        Port = self.Port,
        DataDirectory = self.DataDirectory,
        BinDirectory = config.Postgres.BinDirectory,
        LogFile = self.LogFile.Length > 0 ? self.LogFile : Path.TrimEndingDirectorySeparator(self.DataDirectory) + ".log",
        User = config.Postgres.User,
        Database = config.Postgres.Database,
        PassFile = config.Postgres.PasswordFile,
        ReplicationUser = config.Postgres.ReplicationUser,
        ConnectTimeout = config.Postgres.ConnectTimeout,
        UpstreamElsewhere = config.Manager == ClusterManager.Pacemaker,
    };
}
