using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using PgCluster.Adapters.Process;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Hosts;

/// <summary>
/// A bench in two processes: the first makes the network of the hosts and takes it away in the end, the second is the same program on that network,
/// from where it reaches every host.
/// </summary>
internal static class HubProcess
{
    private const string Root = "PGC_BENCH_HOSTS";
    private const string Parent = "PGC_BENCH_PARENT";
    private const string Directory = "PGC_BENCH_DIRECTORY";

    /// <summary>To be called first: the second process is back in the directory the first was started in, so that both read paths alike.</summary>
    public static void Enter()
    {
        if (Environment.GetEnvironmentVariable(Directory) is { } directory)
        {
            Environment.CurrentDirectory = directory;
        }
    }

    /// <summary>Runs a bench; returns its exit code, or 2 when hosts cannot be made here, which has been said then.</summary>
    /// <param name="arguments">The program's.</param>
    /// <param name="benchAsync">The bench, run on the network. Its token is cancelled by Ctrl+C, SIGTERM, and when the first process is gone.</param>
    public static async Task<int> RunAsync(string[] arguments, Func<HostNetwork, CancellationToken, Task<int>> benchAsync)
    {
        if (Environment.GetEnvironmentVariable(Root) is { } root)
        {
            return await RunSecondAsync(HostNetwork.Open(root, TimeProvider.System), benchAsync);
        }

        try
        {
            return await RunFirstAsync(arguments);
        }
        catch (PgClusterException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static async Task<int> RunFirstAsync(string[] arguments)
    {
        var network = await HostNetwork.CreateAsync(new HostNetworkOptions(), TimeProvider.System, CancellationToken.None);
        try
        {
            var own = Environment.ProcessPath!;
            IReadOnlyList<string> first = Path.GetFileNameWithoutExtension(own) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];
            var command = network.AtHub(new ProgramCommand(own, [.. first, .. arguments]));
            var start = new ProcessStartInfo(command.FileName, command.Arguments) { UseShellExecute = false };
            start.Environment[Root] = network.Root;
            start.Environment[Parent] = FormattableString.Invariant($"{Environment.ProcessId}");
            start.Environment[Directory] = Environment.CurrentDirectory;
            foreach (var (name, value) in network.Environment)
            {
                start.Environment[name] = value;
            }

            using var process = Process.Start(start)!;
            var identity = ProcessIdentity.Find(process.Id);

            // Ctrl+C reaches both by way of the terminal; what is sent to this one alone is passed on.
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
            {
                context.Cancel = true;
                identity?.Signal(UnixSignal.Terminate);
            });
            await process.WaitForExitAsync();
            return process.ExitCode;
        }
        finally
        {
            await network.RemoveAsync(CancellationToken.None);
        }
    }

    private static async Task<int> RunSecondAsync(HostNetwork network, Func<HostNetwork, CancellationToken, Task<int>> benchAsync)
    {
        using var stop = Interrupt.Source();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.Cancel();
        });
        var watch = WatchParentAsync(stop);
        try
        {
            return await benchAsync(network, stop.Token);
        }
        finally
        {
            await stop.CancelAsync();
            await watch;
        }
    }

    /// <summary>Cancels when the first one is gone: nobody would take the hosts away.</summary>
    private static async Task WatchParentAsync(CancellationTokenSource stop)
    {
        var parent = ProcessIdentity.Find(int.Parse(Environment.GetEnvironmentVariable(Parent)!, CultureInfo.InvariantCulture));
        if (parent is { } process)
        {
            await process.WaitForExitAsync(TimeProvider.System, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await stop.CancelAsync();
    }
}
