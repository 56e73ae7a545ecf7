using System.Diagnostics;
using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Hosts;

/// <summary>
/// A cluster on hosts of its own: three with PostgreSQL, one for the application with its route to the primary, and three members of etcd on the first
/// three or on hosts of their own.
/// </summary>
internal abstract class HostedCluster(HostNetwork network, EtcdLayout layout, HostedClusterOptions options) : IAsyncDisposable
{
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private readonly List<HostUnit> _units = [];

    public EtcdLayout Layout { get; } = layout == EtcdLayout.Own ? EtcdLayout.Own : EtcdLayout.Shared;

    public HostNetwork Network => network;

    public IReadOnlyList<NamespaceHost> DatabaseHosts { get; private set; } = [];

    public IReadOnlyList<NamespaceHost> EtcdHosts { get; private set; } = [];

    public NamespaceHost Application { get; private set; } = null!;

    public IReadOnlyList<HostUnit> Units => _units;

    public string LogDirectory => Paths.Of("log");

    /// <summary>libpq URI of the application's route.</summary>
    public string ClientUri => string.Create(
        CultureInfo.InvariantCulture, $"postgresql://{PlaygroundFiles.AppUser}@{Application.Address}:{RoutePort}/{PlaygroundFiles.AppDatabase}?sslmode=disable");

    /// <summary>Where on the application's host its connections go.</summary>
    protected abstract int RoutePort { get; }

    protected HostedClusterOptions Options => options;

    protected PlaygroundPaths Paths { get; } = new(network.Root);

    protected PlaygroundPrograms Programs { get; } = PlaygroundPrograms.Find();

    protected OsAccount Account { get; } = OsAccount.Find("postgres")!;

    protected IReadOnlyList<PlaygroundState.EtcdMember> Etcd { get; private set; } = [];

    /// <summary>Who is what when all is well; null and what is amiss otherwise.</summary>
    public abstract Task<(SoundRoles? Roles, string Amiss)> LookAsync(CancellationToken cancellationToken);

    public NamespaceHost Host(string node) => DatabaseHosts.Single(host => host.Name == node);

    public HostUnit Unit(string name) => _units.Single(unit => unit.Name == name);

    /// <summary>The postmaster of a node.</summary>
    public ProcessIdentity Postmaster(string node) =>
        HostProcesses.PostmasterOf(Host(node).Processes) ?? throw new InvalidOperationException($"no postmaster runs on {node}");

    /// <summary>Makes hosts and files and starts everything; the cluster is not sound yet. On failure nothing stays.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var directory in new[] { Paths.Sockets, LogDirectory })
            {
                Directory.CreateDirectory(directory);
                Account.Own(directory);
            }

            DatabaseHosts = await AddAsync(["pg01", "pg02", "pg03"], cancellationToken);
            EtcdHosts = Layout == EtcdLayout.Own ? await AddAsync(["etcd1", "etcd2", "etcd3"], cancellationToken) : DatabaseHosts;
            Application = (await AddAsync(["app"], cancellationToken))[0];
            Etcd = [.. EtcdHosts.Select((host, i) => new PlaygroundState.EtcdMember($"etcd{i + 1}", 2379, 2380) { Host = host.Address })];
            AddEtcd();
            await PrepareAsync(cancellationToken);
            foreach (var unit in _units)
            {
                await unit.StartAsync(cancellationToken);
            }
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>Looks until all is well; the last look's answer and when it came, as a timestamp.</summary>
    public async Task<(SoundRoles? Roles, string Amiss, long At)> WaitUntilSoundAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            var (roles, amiss) = await LookAsync(cancellationToken);
            if (roles is not null || Stopwatch.GetElapsedTime(began) > budget)
            {
                return (roles, amiss, Stopwatch.GetTimestamp());
            }

            await Task.Delay(Look, cancellationToken);
        }
    }

    /// <summary>One commit, as the application does it. Its table is the sampler's, too.</summary>
    /// <exception cref="NpgsqlException">It was not acknowledged.</exception>
    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        await using var source = DirectSource.Open(Application.Address, PlaygroundFiles.AppUser, TimeSpan.FromSeconds(2), RoutePort);
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        foreach (var sql in new[] { "create table if not exists fault_probe (at timestamptz not null)", "insert into fault_probe values (clock_timestamp())" })
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Switches a host on, and everything that is to run on it.</summary>
    public async Task BootAsync(NamespaceHost host, CancellationToken cancellationToken)
    {
        if (host.IsOn)
        {
            return;
        }

        await host.PowerOnAsync(cancellationToken);
        foreach (var unit in _units.Where(unit => unit.Host == host))
        {
            await unit.StartAsync(cancellationToken);
        }
    }

    /// <summary>Takes back what stops or separates hosts, after a fault that did not come to its end.</summary>
    public async Task UndoAsync()
    {
        foreach (var host in network.Hosts.Where(host => host.IsOn))
        {
            host.Thaw();
        }

        await network.HealAsync();
    }

    /// <summary>Copies every log, and what else is to be kept with them, into a new directory below this one; returns it.</summary>
    public string CopyLogs(string below, string name, params string[] more)
    {
        var directory = Path.Combine(below, string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-{name}"));
        Directory.CreateDirectory(directory);
        foreach (var file in Directory.EnumerateFiles(LogDirectory).Concat(more))
        {
            File.Copy(file, Path.Combine(directory, Path.GetFileName(file)), overwrite: true);
        }

        return directory;
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var host in network.Hosts.ToList())
        {
            await network.DiscardAsync(host, CancellationToken.None);
        }

        if (Directory.Exists(LogDirectory))
        {
            Directory.Delete(LogDirectory, recursive: true);
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Writes what the units need, and adds them; the hosts are there.</summary>
    protected abstract Task PrepareAsync(CancellationToken cancellationToken);

    /// <summary>A program that runs as PostgreSQL's account on a host, whenever that has power.</summary>
    protected void Add(string name, NamespaceHost host, string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment, int niceness = 0) =>
        _units.Add(new HostUnit(name, host, new ProgramCommand(program, arguments) { Account = Account, Environment = environment, Niceness = niceness }, options.RestartDelay, Log(name)));

    protected string Log(string name) => Path.Combine(LogDirectory, name + ".log");

    protected void Write(string path, string content) => DurableFile.Write(path, content, Readable, Account);

    private async Task<IReadOnlyList<NamespaceHost>> AddAsync(string[] names, CancellationToken cancellationToken)
    {
        var hosts = new List<NamespaceHost>();
        foreach (var name in names)
        {
            hosts.Add(await network.AddAsync(
                new HostOptions(name) { DiskMegabytes = options.DiskMegabytes, DiskOwner = Account, PrivateDirectories = [Paths.Sockets] }, cancellationToken));
        }

        return hosts;
    }

    private void AddEtcd()
    {
        foreach (var (member, host) in Etcd.Zip(EtcdHosts))
        {
            Add(member.Name, host, Programs.Etcd, EtcdArguments.Of(Etcd, member, Path.Combine(host.Disk, "etcd"), network.Name), PlaygroundRun.CleanEnvironment(host.Disk));
        }
    }
}
