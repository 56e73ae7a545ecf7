using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Playground;
using PgCluster.Tests.Integration.Playground;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>Three hosts with agents, poolers and etcd, and no PostgreSQL on any of them; roles have passwords.</summary>
public sealed class NewClusterLab : IAsyncLifetime
{
    public const string Password = "it's: a \\ secret";

    private readonly string _name = "it-" + Guid.NewGuid().ToString("N")[..8];
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource<PlaygroundRun> _running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _making = Task.CompletedTask;

    internal PlaygroundRun Run { get; private set; } = null!;

    internal ClusterConnection Cluster { get; private set; } = null!;

    internal EtcdStore Store { get; private set; } = null!;

    internal GrpcClusterPeers Peers { get; private set; } = null!;

    internal ClusterConfig Config { get; private set; } = null!;

    internal string PasswordFile => Path.Combine(Run.Paths.Root, "pgpass");

    public async ValueTask InitializeAsync()
    {
        var manager = new PlaygroundManager(null, TimeProvider.System, options => new Launcher(options, _running, _over.Token), () => PlaygroundPrograms.Find());
        _making = manager.CreateAsync(
            new PlaygroundOptions
            {
                Name = _name,
                Synchronous = false,
                ReadyTimeout = TimeSpan.FromHours(1),

                // None of these tests is about time, and a busy machine is slow.
                Settings = new Dictionary<string, string>
                {
                    ["etcd.timeout"] = "8s",
                    ["failover.lock_timeout"] = "20s",
                    ["failover.health_check_timeout"] = "8s",
                    ["postgres.password_file"] = Path.Combine(manager.BaseDirectory, _name, "pgpass"),
                    ["postgres.user"] = "boss",
                },
            },
            null, _over.Token);
        await Task.WhenAny(_running.Task, _making);
        Run = await (_making.IsCompleted ? Task.FromException<PlaygroundRun>(_making.Exception!) : _running.Task);
        Cluster = ClusterConnection.Open(Run.Paths.Config);
        Config = ClusterConfiguration.Load(Run.Paths.Config, null).Config;
        Store = new EtcdStore(StoreOptions.From(Config), TimeProvider.System, NullLogger<EtcdStore>.Instance);
        Peers = new GrpcClusterPeers(Config, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        if (Run is not null)
        {
            await Cluster.DisposeAsync();
            await Store.DisposeAsync();
            Peers.Dispose();
        }

        // What was never ready is taken away by whoever was making it.
        await _over.CancelAsync();
        await _making.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _over.Dispose();
    }

    /// <summary>What lies beside and in the place of a node's data directory.</summary>
    internal string[] FilesOf(string node) =>
        [.. Directory.GetFileSystemEntries(Path.GetDirectoryName(DataOf(node))!, "data*").Select(f => Path.GetFileName(f)).Where(f => !f.EndsWith(".log", StringComparison.Ordinal) && !f.EndsWith(".guard", StringComparison.Ordinal))];

    internal string DataOf(string node) => Config.Nodes.Single(n => n.Name == node).DataDirectory;

    private sealed class Launcher(PlaygroundOptions options, TaskCompletionSource<PlaygroundRun> running, CancellationToken over) : IPlaygroundLauncher
    {
        private readonly AgentLauncher _agents = new(options.AgentExecutable);

        public bool StartsAgents => true;

        public void Validate() => _agents.Validate();

        public async Task LaunchAsync(PlaygroundRun run, CancellationToken cancellationToken)
        {
            foreach (var server in run.State.Servers)
            {
                Directory.Delete(run.Paths.Data(server.Name), recursive: true);
            }

            // One may be there already, as packages and mounts leave it.
            Directory.CreateDirectory(run.Paths.Data(run.State.Servers[1].Name));
            run.Home.Account?.Own(run.Paths.Data(run.State.Servers[1].Name));
            var secret = Password.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal);
            DurableFile.Write(
                Path.Combine(run.Paths.Root, "pgpass"), $"# of this lab\n*:*:*:boss:{secret}\n*:*:replication:replicator:{secret}\n", UnixFileMode.UserRead | UnixFileMode.UserWrite, run.Home.Account);
            await _agents.LaunchAsync(run, cancellationToken);
            running.SetResult(run);
            await Task.Delay(Timeout.InfiniteTimeSpan, over);
        }

        public Task<string?> FindMissingAsync(PlaygroundRun run, CancellationToken cancellationToken) => Task.FromResult<string?>(null);
    }
}
