using System.Globalization;
using System.Net.Sockets;
using PgCluster.Handoff;
using PgCluster.Handoff.Protocol;

namespace PgCluster.Tests.HandoffDaemon;

/// <summary>The daemon: echoes lines, speaks HTTP, hands over.</summary>
sealed class Daemon(DaemonOptions options, StepLogger logger) : IAsyncDisposable
{
    readonly EchoServer _echo = new(options.Id);
    readonly List<WebServer> _web = [];
    readonly CancellationTokenSource _deadline = new();
    readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    ProcessHandoff? _handoff;
    Task _mutating = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var web in _web)
        {
            await web.DisposeAsync();
        }

        if (_handoff is not null)
        {
            await _handoff.DisposeAsync();
        }

        _echo.Dispose();
        _deadline.Dispose();
    }

    /// <summary>Runs until a successor has taken over and the work at hand is done, or something failed. Returns the exit code.</summary>
    /// <param name="cancelled">Cancels the start, and nothing after it.</param>
    public async Task<int> RunAsync(CancellationToken cancelled)
    {
        if (options.CollectsGarbage)
        {
            new Thread(CollectGarbage) { IsBackground = true }.Start();
        }

        var handoff = _handoff = await ProcessHandoff.StartAsync(
            new HandoffOptions
            {
                Directory = options.Directory,
                Id = options.Id,
                UpgradeTimeout = TimeSpan.FromMinutes(10),
                ApplicationVersion = options.ApplicationVersion,
                State = options.StateVersion is { } version ? new TextState(version, options.State) : null,
                Logger = logger,
                Protocol = options.Protocol is { } highest ? new ProtocolVersions(0, highest) : ProtocolVersions.Supported,
            },
            cancelled);
        Lines.Say($"started {handoff.Predecessor?.Id ?? "nobody"} {handoff.Predecessor?.ApplicationVersion ?? "-"} {handoff.Predecessor?.ProtocolVersion.ToString(CultureInfo.InvariantCulture) ?? "-"}");
        foreach (var (id, endPoint) in options.Echo)
        {
            var listener = handoff.Descriptors.Listen(id, endPoint);
            Lines.Say($"listening {id} {listener.LocalEndPoint}");
            _echo.Accept(listener);
        }

        foreach (var (id, endPoint) in options.Http)
        {
            _web.Add(await WebServer.StartAsync(options.Id, handoff.Descriptors.Listen(id, endPoint), isHttp2: false, id));
        }

        foreach (var (id, endPoint) in options.Http2)
        {
            _web.Add(await WebServer.StartAsync(options.Id, handoff.Descriptors.Listen(id, endPoint), isHttp2: true, id));
        }

        Lines.Say("serving");
        if (options.IsReadyAtOnce)
        {
            await handoff.ReadyAsync(CancellationToken.None);
            Lines.Say("ready");
        }

        await Task.WhenAny(handoff.UpgradeComplete, _end.Task);
        if (_end.Task.IsFaulted)
        {
            await _end.Task;
        }

        Lines.Say($"complete {handoff.State}");
        if (handoff.State != HandoffState.Draining)
        {
            // Whoever was stopped is looked at by the test, and ended by it.
            await _end.Task;
        }

        // What still adds and removes hears that a successor has taken over, and not that this process has let go.
        await _mutating;

        // Not after the drain: should the successor be lost, the next one has to find the addresses free.
        var drained = Task.WhenAll([_echo.DrainAsync(_deadline.Token), .. _web.Select(web => web.DrainAsync(_deadline.Token))]);
        await handoff.DisposeAsync();
        Lines.Say("let-go");
        await drained;
        Lines.Say("drained");
        return 0;
    }

    /// <summary>Does what a line of its input says.</summary>
    public void Do(string command, string argument)
    {
        if (command == "exit")
        {
            _end.TrySetException(new OperationCanceledException());
            return;
        }

        if (_handoff is not { } handoff)
        {
            Lines.Say($"state not-started");
            return;
        }

        try
        {
            switch (command)
            {
                case "ready":
                    _ = ReadyAsync(handoff);
                    break;
                case "state":
                    Lines.Say($"state {handoff.State}");
                    break;
                case "stop":
                    handoff.Stop();
                    break;
                case "deadline":
                    _deadline.Cancel();
                    break;
                case "items":
                    Lines.Say($"items {string.Join(',', handoff.Descriptors.Items.Select(item => item.Id))}");
                    break;
                case "listen":
                    Listen(handoff, int.Parse(argument, CultureInfo.InvariantCulture));
                    break;
                case "mutate":
                    _mutating = Task.Run(() => MutateAsync(handoff, int.Parse(argument, CultureInfo.InvariantCulture)));
                    break;
                default:
                    Lines.Say($"unknown {command}");
                    break;
            }
        }
        catch (HandoffException e)
        {
            Lines.Say($"error {e.Error} {e.Message}");
        }
    }

    static void CollectGarbage()
    {
        while (true)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    /// <summary>Listens on many sockets and closes ten of its own copies.</summary>
    static void Listen(ProcessHandoff handoff, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var listener = handoff.Descriptors.Listen(string.Create(CultureInfo.InvariantCulture, $"many-{i:000}"), new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
            Lines.Say($"listening many-{i:000} {listener.LocalEndPoint}");
            if (i < 10)
            {
                listener.Dispose();
            }
        }

        Lines.Say("listened");
    }

    /// <summary>Adds and removes at random until a successor has taken over. Says what there is when the first of these is refused, and when it ends.</summary>
    static async Task MutateAsync(ProcessHandoff handoff, int seed)
    {
        var random = new Random(seed);
        HashSet<string> present = new(StringComparer.Ordinal);
        var isLocked = false;
        while (true)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"file-{random.Next(1000):000}");
            try
            {
                if (random.Next(3) > 0)
                {
                    handoff.Descriptors.Open(id, () => File.OpenHandle("/dev/null")).Dispose();
                    present.Add(id);
                }
                else if (present.Contains(id))
                {
                    handoff.Descriptors.Remove(id);
                    present.Remove(id);
                }
            }
            catch (HandoffException e) when (e.IsTransient)
            {
                if (!isLocked)
                {
                    Lines.Say($"locked {string.Join(',', present.Order(StringComparer.Ordinal))}");
                    isLocked = true;
                }

                await Task.Yield();
            }
            catch (HandoffException e)
            {
                Lines.Say($"mutated {e.Error}");
                return;
            }
        }
    }

    async Task ReadyAsync(ProcessHandoff handoff)
    {
        try
        {
            await handoff.ReadyAsync();
            Lines.Say("ready");
        }
        catch (Exception e)
        {
            _end.TrySetException(e);
        }
    }
}
