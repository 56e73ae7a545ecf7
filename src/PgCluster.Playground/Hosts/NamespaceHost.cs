using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>A host of a <see cref="HostNetwork"/>: its processes, its cable and its power.</summary>
internal sealed class NamespaceHost
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(5);

    private readonly HostNetwork _network;
    private readonly HostOptions _options;
    private string _space = "";
    private ProcessIdentity? _init;

    internal NamespaceHost(HostNetwork network, HostOptions options, int number)
    {
        _network = network;
        _options = options;
        Number = number;
        Disk = network.DiskOf(options.Name);
        Address = string.Create(CultureInfo.InvariantCulture, $"198.18.0.{number}");
    }

    internal string Name => _options.Name;

    /// <summary>What its address ends with.</summary>
    internal int Number { get; }

    /// <summary>Its address, which stays when it is switched off and on.</summary>
    internal string Address { get; }

    /// <summary>Directory of its disk, the same inside and at the hub.</summary>
    internal string Disk { get; }

    internal TimeProvider Time => _network.Time;

    /// <summary>True while it has power.</summary>
    internal bool IsOn => _init is { IsRunning: true };

    /// <summary>Every process in it but the first; empty when it is off.</summary>
    internal IReadOnlyList<ProcessIdentity> Processes => IsOn ? [.. HostProcesses.In(_space).Where(process => process != _init)] : [];

    // Names of interfaces have at most 15 characters, and the bridge's end is only seen in the hub's namespace.
    private string Port => string.Create(CultureInfo.InvariantCulture, $"host{Number}");

    // One that stays: its peers' address tables would keep a dead one after a power cut.
    private string Mac => string.Create(CultureInfo.InvariantCulture, $"02:00:c6:12:00:{Number:x2}");

    /// <summary>Runs a program in it to its end and returns its output.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/>: its exit code is not 0.</exception>
    internal Task<string> RunAsync(ProgramCommand command, CancellationToken cancellationToken) => RunAsync(command, Budget, cancellationToken);

    /// <summary>As <see cref="RunAsync(ProgramCommand, CancellationToken)"/>, for one that may take longer than 20 s.</summary>
    internal Task<string> RunAsync(ProgramCommand command, TimeSpan budget, CancellationToken cancellationToken) =>
        ProgramRunner.RunCheckedAsync(Inside(command), Reason.PlaygroundFailed, budget, Time, cancellationToken);

    /// <summary>Writes a file in it.</summary>
    /// <param name="path">The file; its directory is there.</param>
    /// <param name="content">Its whole content.</param>
    /// <param name="owner">Who owns it; null for root.</param>
    /// <param name="mode">Its permissions, in octal.</param>
    /// <param name="cancellationToken">Ends it.</param>
    internal Task WriteAsync(string path, string content, OsAccount? owner, string mode, CancellationToken cancellationToken) => RunAsync(
        new ProgramCommand("/bin/sh", ["-ec", HostScripts.Write, "write", path, mode]) { Account = owner, Input = content }, cancellationToken);

    /// <summary>Starts a program in it, in a session of its own, and returns when it runs.</summary>
    /// <param name="command">What to start, as root or as its account.</param>
    /// <param name="logFile">Where its output is appended to.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/> with the end of its log when it ends at once.</exception>
    internal async Task<ProcessIdentity> StartAsync(ProgramCommand command, string logFile, CancellationToken cancellationToken)
    {
        var number = await RunAsync(
            command with { FileName = "/bin/sh", Arguments = ["-c", HostScripts.Start, "start", logFile, command.FileName, .. command.Arguments] },
            cancellationToken).ConfigureAwait(false);
        return HostProcesses.Find(_space, int.Parse(number, CultureInfo.InvariantCulture)) ?? throw new PgClusterException(
            Reason.PlaygroundFailed, $"{command.FileName} ended at once on {Name}. Its log says:\n{LogTail.Read(logFile)}") { Target = Name };
    }

    /// <summary>Stops every process in it, as a machine that hangs; they are stopped when this returns.</summary>
    internal async Task FreezeAsync(CancellationToken cancellationToken)
    {
        var began = Time.GetTimestamp();

        // Again, until nobody is left who could have started another one in between.
        while (HostProcesses.In(_space).Where(process => !HostProcesses.IsStopped(process)).ToList() is { Count: > 0 } running)
        {
            foreach (var process in running)
            {
                process.Signal(UnixSignal.Stop);
            }

            if (Time.GetElapsedTime(began) > Budget)
            {
                throw new PgClusterException(Reason.PlaygroundFailed, $"{running.Count} processes of {Name} do not stop.") { Target = Name };
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1), Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Lets every process in it go on.</summary>
    internal void Thaw()
    {
        foreach (var process in HostProcesses.In(_space))
        {
            process.Signal(UnixSignal.Continue);
        }
    }

    /// <summary>Pulls its cable: nothing passes from it or to it, and nobody is told.</summary>
    internal Task UnplugAsync() => _network.RunAtHubAsync("ip", "link", "set", Port, "down");

    /// <summary>Plugs its cable in.</summary>
    internal Task PlugAsync() => _network.RunAtHubAsync("ip", "link", "set", Port, "up");

    /// <summary>Cuts its power: no process has another word, no connection ends. Its disk stays.</summary>
    internal async Task PowerOffAsync(CancellationToken cancellationToken)
    {
        if (_init is not { } init || !init.IsRunning)
        {
            return;
        }

        // First the cable, else the kernel would end its connections in an orderly way.
        await UnplugAsync().ConfigureAwait(false);
        init.Signal(UnixSignal.Kill);
        await init.WaitForExitAsync(Time, cancellationToken).ConfigureAwait(false);

        // The kernel takes the port away with the dead namespace, but only when it has time for it; the same one is to be had at once.
        await ProgramRunner.RunAsync(
            _network.AtHub(new ProgramCommand("ip", ["link", "delete", Port])), Budget, Time, cancellationToken).ConfigureAwait(false);
        _init = null;
        _network.Save(this, null);
    }

    /// <summary>Switches it on: nothing runs in it yet, and of what was written only its disk is there.</summary>
    internal async Task PowerOnAsync(CancellationToken cancellationToken)
    {
        if (IsOn)
        {
            return;
        }

        var log = Path.Combine(_network.Root, Name + ".log");
        using var unshare = await DetachedProcess.StartAsync(
            _network.AtHub(new ProgramCommand(
                "unshare",
                [
                    "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
                    "/bin/sh", "-c", HostScripts.Init, "init", Name, .. _options.PrivateDirectories, "", .. _options.Mounts.SelectMany(mount => new[] { mount.Source, mount.Target }),
                ])
            {
                Environment = _network.Environment,
                WorkingDirectory = "/",
            }),
            log, cancellationToken).ConfigureAwait(false);
        var init = await UntilAsync(() => HostProcesses.OnlyChildOf(unshare.Id), log, cancellationToken).ConfigureAwait(false);
        _network.Save(this, init);
        await UntilAsync(() => File.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{init.Pid}/root/run/host-is-up")) ? init : null, log, cancellationToken)
            .ConfigureAwait(false);
        _space = HostProcesses.NamespaceOf(init.Pid)!;
        _init = init;
        await _network.RunAtHubAsync(
            "ip", "link", "add", Port, "type", "veth", "peer", "name", "eth0", "address", Mac, "netns", init.Pid.ToString(CultureInfo.InvariantCulture))
            .ConfigureAwait(false);
        await RunAsync(new ProgramCommand("ip", ["address", "add", Address + "/24", "dev", "eth0"]), cancellationToken).ConfigureAwait(false);
        await RunAsync(new ProgramCommand("ip", ["link", "set", "eth0", "up"]), cancellationToken).ConfigureAwait(false);
        await _network.RunAtHubAsync("ip", "link", "set", Port, "master", "br0", "up").ConfigureAwait(false);
        await _network.RenewCutsAsync(this).ConfigureAwait(false);
    }

    /// <summary>Sends what is meant for a peer to another station; null for the peer itself again.</summary>
    internal Task SendToAsync(NamespaceHost peer, string? station) => RunAsync(
        new ProgramCommand("ip", station is null
            ? ["neighbour", "delete", peer.Address, "dev", "eth0"]
            : ["neighbour", "replace", peer.Address, "lladdr", station, "nud", "permanent", "dev", "eth0"]),
        CancellationToken.None);

    private ProgramCommand Inside(ProgramCommand command)
    {
        var init = _init ?? throw new PgClusterException(Reason.PlaygroundFailed, $"{Name} is switched off.") { Target = Name };

        // Entering needs root; who the program runs as is decided inside.
        var (program, arguments) = command.Account?.Wrap(command.FileName, command.Arguments) ?? (command.FileName, command.Arguments);
        return command with
        {
            FileName = "nsenter",
            Arguments = [.. HostNetwork.Target(init.Pid), "--net", "--mount", "--uts", "--ipc", "--pid", "--", program, .. arguments],
            Account = null,
            Environment = _network.Environment.Concat(command.Environment).ToDictionary(),
        };
    }

    private async Task<ProcessIdentity> UntilAsync(Func<ProcessIdentity?> find, string log, CancellationToken cancellationToken)
    {
        var began = Time.GetTimestamp();
        while (Time.GetElapsedTime(began) < Budget)
        {
            if (find() is { } found)
            {
                return found;
            }

            await Task.Delay(Again, Time, cancellationToken).ConfigureAwait(false);
        }

        throw new PgClusterException(Reason.PlaygroundFailed, $"Host {Name} does not come up: {LogTail.Read(log)}") { Target = Name };
    }
}
