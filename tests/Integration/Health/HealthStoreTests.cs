using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Health;

/// <summary>Observers of nodes that nobody runs, and what stands in a real etcd.</summary>
public sealed class HealthStoreTests
{
    private static readonly HealthConfig Quick = new()
    {
        Interval = TimeSpan.FromMilliseconds(20),
        ProbeTimeout = TimeSpan.FromMilliseconds(500),
        FailoverTimeout = TimeSpan.FromSeconds(5),
        ObserverTimeout = TimeSpan.FromSeconds(20),
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PR12_Two_observers_that_write_at_once_do_not_hinder_each_other()
    {
        await using var etcd = await EtcdServer.StartAsync();
        await using var store = etcd.Connect();
        await using var first = new Observer(store, "P1", "G1", "G2");
        await using var second = new Observer(store, "P2", "G2", "G1");
        await using var watcher = new Watcher(store);
        await first.Monitor.FirstRound.WaitAsync(Token);
        await second.Monitor.FirstRound.WaitAsync(Token);

        await Poll.UntilAsync("both have written fifty times", async () =>
            (await store.ListAsync("/health/", Token)).Entries is [{ Version: > 50 }, { Version: > 50 }]);
        await Poll.UntilAsync("both votes are seen", () => watcher.Watch.Now().Voters is ["P1", "P2"]);
        var verdict = watcher.Watch.Now().Of("G1");
        Assert.Equal((HealthState.Unhealthy, 0, 2), (verdict.State, verdict.HealthyVotes, verdict.Needed));
        Assert.All(verdict.Votes, v => Assert.Contains("PostgreSQL does not answer at 127.0.0.1:1", v.Evidence, StringComparison.Ordinal));
        Assert.Empty(first.Failures);
        Assert.Empty(second.Failures);

        // Who leaves in order takes its vote with it at once.
        await second.DisposeAsync();
        await Poll.UntilAsync("one voter is left", () => watcher.Watch.Now().Voters is ["P1"]);
    }

    [Fact]
    public async Task PR11_A_store_that_hangs_is_outlived()
    {
        await using var etcd = await EtcdServer.StartAsync();
        await using var store = etcd.Connect();
        await using var observer = new Observer(store, "P1", "G1");
        await using var watcher = new Watcher(store);
        await observer.Monitor.FirstRound.WaitAsync(Token);
        await Poll.UntilAsync("the vote is seen", () => watcher.Watch.Now().Voters is ["P1"]);

        etcd.Members[0].Freeze();
        await Poll.UntilAsync("two writes were given up", () => observer.Failures.Count >= 2);
        var looked = observer.Monitor.LastProbe("G1")!.StartedAt;
        await Poll.UntilAsync("it looks at the nodes all the same", () => observer.Monitor.LastProbe("G1")!.StartedAt > looked);
        await Poll.UntilAsync("what is known is too old for a verdict", () => watcher.Watch.Now().Of("G1").State == HealthState.Unknown);

        etcd.Members[0].Thaw();
        await Poll.UntilAsync("it writes again", () => observer.Monitor.SinceWritten < TimeSpan.FromSeconds(1));
        await Poll.UntilAsync("and is seen again", () => watcher.Watch.Now().Of("G1").State == HealthState.Unhealthy);
    }

    [Fact]
    public async Task A_store_that_lost_everything_is_written_to_again_and_the_watch_finds_it()
    {
        await using var etcd = await EtcdServer.StartAsync();
        await using var store = etcd.Connect();
        await using var observer = new Observer(store, "P1", "G1");
        await using var watcher = new Watcher(store);
        await Poll.UntilAsync("the vote is seen", () => watcher.Watch.Now().Voters is ["P1"]);

        // The lease and the key with it, as if both had run out.
        var leases = (await etcd.ControlAsync("lease", "list")).Split('\n', StringSplitOptions.TrimEntries).Where(l => l.Length == 16 && l.All(char.IsAsciiHexDigit));
        foreach (var lease in leases)
        {
            await etcd.ControlAsync("lease", "revoke", lease);
        }

        await Poll.UntilAsync("it votes under a new lease", async () =>
            (await store.GetAsync("/health/P1", Token)) is { Version: > 3 } && watcher.Watch.Now().Present is ["P1"] && observer.Failures.Count > 0);
    }

    private static ClusterConfig Config(params string[] nodes) => new()
    {
        Name = "c",
        Etcd = new EtcdConfig { Timeout = TimeSpan.FromSeconds(1) },
        Health = Quick,

        // Port 1: nobody listens there.
        Nodes = [.. nodes.Select(n => new NodeConfig { Name = n, Host = "127.0.0.1", Port = 1, Agent = new HostPort("127.0.0.1", 1), Http = new HostPort("127.0.0.1", 1) })],
    };

    private sealed class Observer : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly GrpcClusterPeers _peers;
        private readonly WarningList<HealthMonitor> _logger = new();
        private readonly Task _run;

        public Observer(EtcdStore store, string name, params string[] nodes)
        {
            var config = Config(nodes);
            _peers = new GrpcClusterPeers(config, TimeProvider.System);
            Monitor = new HealthMonitor(name, config, store, _peers, TimeProvider.System, _logger);
            _run = Monitor.RunAsync(_stop.Token);
        }

        public HealthMonitor Monitor { get; }

        public IReadOnlyList<string> Failures => _logger.Warnings;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _run;
            _peers.Dispose();
        }
    }

    private sealed class Watcher : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _run;

        public Watcher(EtcdStore store)
        {
            Watch = new HealthWatch(Config("G1", "G2"), store, TimeProvider.System, new WarningList<HealthWatch>());
            _run = Watch.RunAsync(_stop.Token);
        }

        public HealthWatch Watch { get; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _run;
        }
    }

    private sealed class WarningList<T> : ILogger<T>
    {
        private readonly Lock _sync = new();
        private readonly List<string> _warnings = [];

        public IReadOnlyList<string> Warnings
        {
            get
            {
                lock (_sync)
                {
                    return [.. _warnings];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning)
            {
                lock (_sync)
                {
                    _warnings.Add(formatter(state, exception));
                }
            }
        }
    }
}
