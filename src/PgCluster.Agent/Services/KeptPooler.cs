using System.Net;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Services;

/// <summary>A pooler this process keeps: its console, its pauses, and a look at it.</summary>
internal sealed class KeptPooler : IAsyncDisposable
{
    // What a server that is there still has to say arrives within it.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    private readonly PgBouncerConsole _console;
    private readonly PgBouncerRestart _restart;
    private readonly ILogger _logger;
    private readonly PoolerProbe _probe;
    private readonly TimeProvider _time;

    public KeptPooler(ClusterConfig config, PoolerConfig pooler, TimeProvider time, ILoggerFactory logs)
    {
        Config = pooler;
        _time = time;
        _console = OpenConsole(pooler, time);
        _restart = new PgBouncerRestart(config.Name, pooler.Name, AddressOf(pooler), pooler.User, SecretFile.ReadOrEmpty(pooler.PasswordFile), time);
        _logger = logs.CreateLogger<KeptPooler>();
        Keeper = new PauseKeeper(pooler.Name, _console, time, logs.CreateLogger<PauseKeeper>());
        var identity = new PoolerIdentity(config.Name, pooler.Name, pooler.Host, pooler.Port, pooler.Node.Length > 0 ? pooler.Node : null, pooler.Keeper.ToString());
        _probe = new PoolerProbe(identity, _console, Keeper, config.Proxy.PoolerTimeout, time);
    }

    public PoolerConfig Config { get; }

    public PauseKeeper Keeper { get; }

    public static PgBouncerConsole OpenConsole(PoolerConfig pooler, TimeProvider time) => new(AddressOf(pooler), pooler.User, SecretFile.ReadOrEmpty(pooler.PasswordFile), time);

    public Task<PoolerInfo> ProbeAsync(CancellationToken cancellationToken) => _probe.ProbeAsync(cancellationToken);

    public Task PreparePauseAsync(CancellationToken cancellationToken) => _console.PreparePauseAsync(cancellationToken);

    /// <summary>Returns when the pooler itself says that each of its databases leads there.</summary>
    public async Task<TimeSpan> ConfirmTargetAsync(PoolerTarget target, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            var databases = await _console.ShowDatabasesAsync(cancellationToken).ConfigureAwait(false);
            if (target.StraysAmong(databases).Length == 0)
            {
                return _time.GetElapsedTime(began);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>See <see cref="IPoolerKeeper.DropStraysAsync"/>.</summary>
    public async Task<int> DropStraysAsync(PrimaryAddress target, CancellationToken cancellationToken)
    {
        await Task.Delay(Grace, _time, cancellationToken).ConfigureAwait(false);
        var there = await Dns.GetHostAddressesAsync(target.Host, cancellationToken).ConfigureAwait(false);
        var strays = (await _console.ShowServersAsync(cancellationToken).ConfigureAwait(false))
            .Where(s => s.InUse && (s.Port != target.Port || !IPAddress.TryParse(s.Address, out var address) || !there.Contains(address)))
            .ToArray();
        return strays.Length > 0 && await Keeper.KillAsync([.. strays.Select(s => s.Database).Distinct(StringComparer.Ordinal)], cancellationToken).ConfigureAwait(false)
            ? strays.Length
            : 0;
    }

    /// <summary>See <see cref="IPoolerKeeper.RestartAsync"/>. No pause meets it: what is asked for meanwhile waits.</summary>
    public async Task<PoolerRestart> RestartAsync(bool mayDrop, bool planOnly, CancellationToken cancellationToken)
    {
        if (Keeper.Status.Lease is { } lease)
        {
            throw new PgClusterException(Reason.LockHeld, $"Pooler {Config.Name} is paused for {lease.Holder} until {lease.ExpiresAt:O}, and PgBouncer hands nothing over then.") { Target = Config.Name };
        }

        if (planOnly)
        {
            return await _restart.PlanAsync(mayDrop, cancellationToken).ConfigureAwait(false);
        }

        await _restart.WaitUntilCalmAsync(mayDrop, cancellationToken).ConfigureAwait(false);
        try
        {
            var done = await Keeper.WhileServingAsync(() => _restart.RunAsync(mayDrop), cancellationToken).ConfigureAwait(false);
            KeptPoolerLog.Restarted(_logger, Config.Name, done.OldPid, done.OldVersion, done.NewPid, done.NewVersion, done.ClientsKept, done.Clients, done.ElapsedMs);
            return done;
        }
        catch (PgClusterException e) when (e.Reason is Reason.RolledBack or Reason.NeedsOperator)
        {
            KeptPoolerLog.NotRestarted(_logger, Config.Name, e.Message);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Keeper.DisposeAsync().ConfigureAwait(false);
        await _console.DisposeAsync().ConfigureAwait(false);
    }

    private static PgBouncerAddress AddressOf(PoolerConfig pooler) => new(pooler.SocketDirectory.Length > 0 ? pooler.SocketDirectory : pooler.Host, pooler.Port);
}
