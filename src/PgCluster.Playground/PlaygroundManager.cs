using System.Globalization;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Playground.Hosts;
using PgCluster.Playground.Pacemaker;

namespace PgCluster.Playground;

/// <summary>
/// Whole clusters on this machine, as ordinary processes on loopback: etcd, PostgreSQL with its agents, PgBouncer with its proxies. With
/// Pacemaker the servers have hosts of their own. A playground survives whoever made it, and goes without a trace. Anybody on the machine can connect to it: it asks for no password.
/// </summary>
public sealed class PlaygroundManager
{
    private const string PoolerPrefix = "pgbouncer-";
    private const string AgentPrefix = "agent-";
    private const string HandoffOption = "agent.handoff_directory";

    private readonly BaseDirectory _home;
    private readonly TimeProvider _time;
    private readonly Func<PlaygroundOptions, IPlaygroundLauncher> _makeLauncher;
    private readonly Func<PlaygroundPrograms> _findPrograms;

    /// <summary>Makes it; nothing is touched before the first call.</summary>
    /// <param name="baseDirectory">Directory below which playgrounds are; when null, pgcluster-playground in /var/tmp, with the user id added unless root.</param>
    /// <param name="time">The clock of every wait; the system's when null.</param>
    public PlaygroundManager(string? baseDirectory = null, TimeProvider? time = null)
        : this(baseDirectory, time ?? TimeProvider.System, options => new AgentLauncher(options.AgentExecutable), () => PlaygroundPrograms.Find())
    {
    }

    internal PlaygroundManager(
        string? baseDirectory, TimeProvider time, Func<PlaygroundOptions, IPlaygroundLauncher> makeLauncher, Func<PlaygroundPrograms> findPrograms)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PgClusterException(Reason.NotSupportedHere, "A playground runs on Linux only.");
        }

        _time = time;
        _home = new BaseDirectory(baseDirectory, time);
        _makeLauncher = makeLauncher;
        _findPrograms = findPrograms;
    }

    /// <summary>Directory below which playgrounds are.</summary>
    public string BaseDirectory => _home.Root;

    /// <summary>Makes a playground and returns when it serves. What failed midway is taken away again.</summary>
    /// <param name="options">What it is to be.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellationToken">Ends it; what was made is taken away again.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>, <see cref="Reason.MissingProgram"/>,
    /// <see cref="Reason.AccessDenied"/>, or <see cref="Reason.PlaygroundFailed"/> with the end of the log of what failed.</exception>
    public async Task<PlaygroundInfo> CreateAsync(PlaygroundOptions options, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        new PlaygroundPaths(Path.Combine(_home.Root, options.Name)).Validate();
        var programs = _findPrograms();
        var launcher = _makeLauncher(options);
        launcher.Validate();
        if (options.Manager == ClusterManager.Pacemaker)
        {
            await PacemakerPlayground.ValidateAsync(States(), _time, cancellationToken).ConfigureAwait(false);
        }

        _home.Prepare();

        using var ports = new LoopbackPorts();
        var state = await ReserveAsync(options, ports, cancellationToken).ConfigureAwait(false);
        using var run = new PlaygroundRun(state, _home, programs, _time);
        using var deadline = new CancellationTokenSource(options.Budget, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        var steps = new Steps(progress);
        try
        {
            await (options.Manager == ClusterManager.Pacemaker
                ? PacemakerPlayground.BringUpAsync(run, launcher, options, steps, either.Token)
                : BringUpAsync(run, launcher, WithHandoff(run, options.Settings), steps, either.Token)).ConfigureAwait(false);
            await run.SaveAsync(state => state with { Ready = true }, either.Token).ConfigureAwait(false);
            return Describe(run.State);
        }
        catch (Exception e)
        {
            var error = Translate(e, run, steps, options.Budget, cancellationToken);
            try
            {
                // With a budget of its own: the caller's may be over.
                await new PlaygroundRemoval(run.State, _home, _time).RunAsync(progress, CancellationToken.None).ConfigureAwait(false);
            }
            catch (PgClusterException left)
            {
                throw new PgClusterException(Reason.PlaygroundFailed, $"{error.Message}\nIt could not be taken away either: {left.Message}", e) { Target = options.Name };
            }

            if (ReferenceEquals(error, e))
            {
                throw;
            }

            throw error;
        }
    }

    /// <summary>Every playground of this user, by name.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public Task<IReadOnlyList<PlaygroundInfo>> ListAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<PlaygroundInfo> all = [.. States().Select(Describe)];
        return Task.FromResult(all);
    }

    /// <summary>One playground and what of it runs now.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundNotFound"/>, <see cref="Reason.PlaygroundFailed"/>.</exception>
    public Task<PlaygroundInfo> GetAsync(string name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Describe(Read(name)));
    }

    /// <summary>Ends every process of a playground, whatever state it is in, and deletes it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellationToken">Ends it; what is left can be removed later.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundNotFound"/>, <see cref="Reason.PlaygroundFailed"/>.</exception>
    public Task RemoveAsync(string name, IProgress<string>? progress, CancellationToken cancellationToken) =>
        new PlaygroundRemoval(Read(name), _home, _time).RunAsync(progress, cancellationToken);

    /// <summary>With daemons that can be followed, where nothing else was asked for.</summary>
    private static IReadOnlyDictionary<string, string> WithHandoff(PlaygroundRun run, IReadOnlyDictionary<string, string> settings) =>
        settings.ContainsKey(HandoffOption) || !run.Paths.HasRoomForHandoff(run.State.Name) ? settings : new Dictionary<string, string>(settings) { [HandoffOption] = run.Paths.Handoff };

    private async Task BringUpAsync(
        PlaygroundRun run, IPlaygroundLauncher launcher, IReadOnlyDictionary<string, string> settings, Steps progress, CancellationToken cancellationToken)
    {
        progress.Report("Starting etcd");
        await StartEtcdAsync(run, cancellationToken).ConfigureAwait(false);

        progress.Report("Making the data directories");
        await MakeServersAsync(run, progress, cancellationToken).ConfigureAwait(false);

        progress.Report("Starting the poolers");
        var config = PlaygroundFiles.With(settings, new ClusterConfig { Name = run.State.Name });
        await StartPoolersAsync(run, config.Leader.Ttl, cancellationToken).ConfigureAwait(false);

        run.Write(run.Paths.Config, PlaygroundFiles.ClusterToml(run.State, run.Paths, run.Programs, settings));
        progress.Report("Waiting for etcd");
        using (var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) })
        {
            await run.WaitAsync(token => FindMissingEtcdAsync(run, http, token), cancellationToken).ConfigureAwait(false);
        }

        progress.Report("Starting the agents");
        await launcher.LaunchAsync(run, cancellationToken).ConfigureAwait(false);
        progress.Report("Waiting until everything answers");
        await run.WaitAsync(token => launcher.FindMissingAsync(run, token), cancellationToken).ConfigureAwait(false);
        var check = new ReadyCheck(run, launcher.StartsAgents && config.Rejoin.Slots);
        await using (check.ConfigureAwait(false))
        {
            await run.WaitAsync(check.FindMissingAsync, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<PlaygroundState> ReserveAsync(PlaygroundOptions options, LoopbackPorts ports, CancellationToken cancellationToken)
    {
        using var held = await _home.LockAsync(".lock", cancellationToken).ConfigureAwait(false);
        var root = Path.Combine(_home.Root, options.Name);
        if (Directory.Exists(root))
        {
            throw new PgClusterException(
                Reason.InvalidArgument, $"A playground named '{options.Name}' is there already, in {root}: remove it first, or choose another name.")
            {
                Target = options.Name,
            };
        }

        // A server that is down for a moment keeps its port.
        var taken = States().SelectMany(other => other.Ports).ToHashSet();
        int Port() => ports.Take(taken);
        var empty = new PlaygroundState
        {
            Id = Guid.NewGuid().ToString("N"),
            Name = options.Name,
            BootId = BootId.Current,
            UserId = _home.UserId,
            CreatedAt = _time.GetUtcNow(),
            Manager = options.Manager,
            Synchronous = options.Synchronous,
            Servers = [],
            Etcd = [],
            Poolers = [],
        };

        // On hosts of their own all have the ports they have in production; the addresses come with the hosts.
        var state = options.Manager == ClusterManager.Pacemaker ? empty : WithLoopback(empty);

        // Whoever finds a directory of that name finds it complete.
        var building = Path.Combine(_home.Root, ".new-" + state.Id);
        _home.Make(building);
        DurableFile.Write(
            new PlaygroundPaths(building).State, state.ToJson(),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, _home.Account);
        Directory.Move(building, root);
        return state;

        PlaygroundState WithLoopback(PlaygroundState state)
        {
            var servers = Enumerable.Range(1, options.Nodes)
                .Select(i => new PlaygroundState.Server(string.Create(CultureInfo.InvariantCulture, $"pg{i:00}"), Port(), Port(), Port())).ToList();
            return state with
            {
                Servers = servers,
                Etcd = [.. Enumerable.Range(1, options.EtcdMemberCount)
                    .Select(i => new PlaygroundState.EtcdMember(string.Create(CultureInfo.InvariantCulture, $"etcd{i}"), Port(), Port()))],
                Poolers = [
                    // As in production: the agent keeps the pooler beside its server, so that pgcm's clients can pause it there.
                    .. servers.Select(server => new PlaygroundState.Pooler(server.Name, server.Name, Port(), server.AgentPort)),
                    new PlaygroundState.Pooler("app", "", Port(), Port())],
            };
        }
    }

    private static async Task StartEtcdAsync(PlaygroundRun run, CancellationToken cancellationToken)
    {
        foreach (var member in run.State.Etcd)
        {
            run.Home.Make(run.Paths.Of(member.Name));
            await run.StartAsync(
                member.Name, run.Paths.Log(member.Name, "etcd"), run.Programs.Etcd,
                EtcdArguments.Of(run.State.Etcd, member, Path.Combine(run.Paths.Of(member.Name), "data"), run.State.Id),
                cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<string?> FindMissingEtcdAsync(PlaygroundRun run, HttpClient http, CancellationToken cancellationToken)
    {
        foreach (var member in run.State.Etcd)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri(PlaygroundFiles.EtcdEndpoint(member) + "/health"), cancellationToken).ConfigureAwait(false);
                if (answer.IsSuccessStatusCode)
                {
                    continue;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                // Not listening yet.
            }

            return $"{member.Name} to have a leader";
        }

        return null;
    }

    private async Task MakeServersAsync(PlaygroundRun run, Steps progress, CancellationToken cancellationToken)
    {
        var template = new ServerTemplate(_home, run.Programs, _time);
        var source = await template.GetAsync(progress, cancellationToken).ConfigureAwait(false);
        run.Home.Make(run.Paths.Sockets);
        await Task.WhenAll(run.State.Servers.Select(MakeAsync)).ConfigureAwait(false);

        async Task MakeAsync(PlaygroundState.Server server)
        {
            var data = run.Paths.Data(server.Name);
            run.Home.Make(run.Paths.Of(server.Name));
            await template.CopyAsync(source, data, cancellationToken).ConfigureAwait(false);
            run.Write(Path.Combine(data, "postgresql.conf"), PlaygroundFiles.PostgresConf(run.State, run.Paths, server));
            if (server != run.Primary)
            {
                var standby = ReadyCheck.Open(run, server);
                await using (standby.ConfigureAwait(false))
                {
                    await standby.PrepareStandbyAsync(
                        new UpstreamAddress(run.Primary.Name, PlaygroundFiles.Host, run.Primary.Port), cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }

    private static async Task StartPoolersAsync(PlaygroundRun run, TimeSpan leaderTtl, CancellationToken cancellationToken)
    {
        run.Write(run.Paths.UserList, PlaygroundFiles.UserList());
        foreach (var pooler in run.State.Poolers)
        {
            var template = PlaygroundFiles.PoolerTemplate(run.Paths, pooler, leaderTtl);
            run.Home.Make(run.Paths.Of(pooler.Name));
            run.Write(run.Paths.PoolerTemplate(pooler.Name), template);
            run.Write(run.Paths.PoolerConfig(pooler.Name), PlaygroundFiles.Render(template, run.Primary));
            await run.StartAsync(
                PoolerPrefix + pooler.Name, run.Paths.Log(pooler.Name, "pgbouncer"), run.Programs.PgBouncer,
                [run.Paths.PoolerConfig(pooler.Name)], cancellationToken).ConfigureAwait(false);
        }
    }

    private IEnumerable<PlaygroundState> States() => _home.Playgrounds().Select(PlaygroundState.TryRead).OfType<PlaygroundState>();

    private PlaygroundState Read(string name)
    {
        PlaygroundName.Validate(name);
        var root = Path.Combine(_home.Root, name);
        if (!Directory.Exists(root))
        {
            var others = _home.Playgrounds().Select(Path.GetFileName).ToList();
            throw new PgClusterException(
                Reason.PlaygroundNotFound,
                $"No playground named '{name}' is in {_home.Root}; {(others.Count == 0 ? "there is none at all" : $"there are: {string.Join(", ", others)}")}.")
            {
                Target = name,
            };
        }

        return PlaygroundState.TryRead(root) is { } state && state.Name == name
            ? state
            : throw new PgClusterException(
                Reason.PlaygroundFailed, $"'{Path.Combine(root, PlaygroundState.FileName)}' cannot be read: end what runs there by hand and delete the directory.")
            {
                Target = name,
            };
    }

    private PlaygroundInfo Describe(PlaygroundState state)
    {
        var paths = new PlaygroundPaths(Path.Combine(_home.Root, state.Name));
        var started = state.Processes
            .Select(process => new PlaygroundProcess(process.Name, PidOf(state, paths, process), process.LogFile))
            .ToList();
        var onHosts = state.Manager == ClusterManager.Pacemaker ? new PacemakerPaths(paths) : null;
        var servers = state.Servers.Select(server => new PlaygroundServer(
            server.Name,
            $"postgresql://postgres@{PlaygroundFiles.Address(server.Host, server.Port)}/{PlaygroundFiles.AppDatabase}",
            onHosts is null ? DataDirectoryProcesses.FindPostmaster(paths.Data(server.Name))?.Pid ?? 0 : PacemakerPlayground.PostmasterOf(paths, server.Name),
            onHosts?.DataDirectory ?? paths.Data(server.Name),
            PlaygroundFiles.Address(server.Host, server.AgentPort),
            (onHosts is null ? "http://" : "https://") + PlaygroundFiles.Address(server.Host, server.HttpPort))).ToList();
        IReadOnlyList<PlaygroundProcess> processes =
        [
            .. started,
            .. servers.Select(server => new PlaygroundProcess("postgres-" + server.Name, server.Pid, LogOf(state, paths, server.Name))),
        ];
        return new PlaygroundInfo
        {
            Name = state.Name,
            Manager = state.Manager,
            Path = paths.Root,
            ConfigFile = paths.Config,
            ClientUri = state.Poolers.Count == 0 ? "" : PlaygroundFiles.ClientUri(state.Poolers[^1]),
            EtcdEndpoints = [.. state.Etcd.Select(PlaygroundFiles.EtcdEndpoint)],
            Servers = servers,
            Poolers = [.. state.Poolers.Select(pooler => new PlaygroundPooler(
                pooler.Name, PlaygroundFiles.ClientUri(pooler), started.Find(process => process.Name == PoolerPrefix + pooler.Name)?.Pid ?? 0, paths.PoolerConfig(pooler.Name)))],
            Processes = processes,
            Running = state.Ready && processes.All(process => process.Pid > 0),
        };
    }

    private static int PidOf(PlaygroundState state, PlaygroundPaths paths, PlaygroundState.StartedProcess process)
    {
        var started = new ProcessIdentity(process.Pid, process.StartTicks);
        return state.BootId != BootId.Current ? 0
            : !started.IsRunning ? SuccessorOf(state, PidFileOf(state, paths, process.Name))
            : state.Manager == ClusterManager.Pacemaker ? HostUnit.ProgramOf(started)?.Pid ?? 0 : started.Pid;
    }

    private static string PidFileOf(PlaygroundState state, PlaygroundPaths paths, string process) =>
        process.StartsWith(PoolerPrefix, StringComparison.Ordinal) ? paths.PoolerPidFile(process[PoolerPrefix.Length..])
        : paths.HandoffOwner(state.Name, process.StartsWith(AgentPrefix, StringComparison.Ordinal) ? "supervise-" + process[AgentPrefix.Length..] : process);

    /// <summary>The process that has taken the place of the one that was started (Restart-PgPooler, Update-PgDaemon); 0 for none.</summary>
    private static int SuccessorOf(PlaygroundState state, string pidFile)
    {
        try
        {
            return int.TryParse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture, out var pid) && ProcessStat.HasEnvironment(pid, PlaygroundRun.Marker, state.Id) ? pid : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static string LogOf(PlaygroundState state, PlaygroundPaths paths, string server) =>
        state.Manager == ClusterManager.Pacemaker ? new PacemakerPaths(paths).Log(server, PacemakerPaths.Server) : paths.ServerLog(server);

    private static Exception Translate(Exception error, PlaygroundRun run, Steps steps, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (error is PgClusterException || cancellationToken.IsCancellationRequested)
        {
            return error;
        }

        var what = error is OperationCanceledException
            ? string.Create(CultureInfo.InvariantCulture, $"was not ready within {timeout.TotalSeconds:0.###} s, at this step: {run.WaitsFor ?? steps.Last}.{Tails(run)}")
            : $"could not be made: {error.Message}";
        return new PgClusterException(Reason.PlaygroundFailed, $"Playground {run.State.Name} {what}", error) { Target = run.State.Name };
    }

    /// <summary>The last words of every server and agent: one of them says why it hangs.</summary>
    private static string Tails(PlaygroundRun run) => string.Concat(
        run.State.Processes.Where(process => process.Name.StartsWith(AgentPrefix, StringComparison.Ordinal)).Select(process => (process.Name, process.LogFile))
            .Concat(run.State.Servers.Select(server => ("postgres-" + server.Name, LogOf(run.State, run.Paths, server.Name))))
            .Select(log => $"\n--- {log.Item1}:\n{LogTail.Read(log.Item2)}"));

    /// <summary>Remembers the step, for the error of one that does not end.</summary>
    private sealed class Steps(IProgress<string>? progress) : IProgress<string>
    {
        internal string Last { get; private set; } = "";

        public void Report(string value)
        {
            Last = value;
            progress?.Report(value);
        }
    }
}
