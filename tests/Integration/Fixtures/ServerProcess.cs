using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>A server that a test has started, with a directory of its own; both are gone when it is disposed, or with the test process.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    private readonly EventHandler _atExit;
    private Process? _process;
    private Task _output = Task.CompletedTask;

    private ServerProcess(string directory)
    {
        DirectoryPath = directory;
        _atExit = (_, _) => KillAndDelete();
        AppDomain.CurrentDomain.ProcessExit += _atExit;
    }

    public string DirectoryPath { get; }

    public int Pid => _process?.Id ?? 0;

    public bool HasExited => _process is null || _process.HasExited;

    private static bool IsRoot => Environment.UserName == "root";

    /// <summary>A directory that the servers' user may write to.</summary>
    public static async Task<ServerProcess> CreateAsync(string name)
    {
        var directory = Directory.CreateTempSubdirectory($"pgcluster-{name}-").FullName;
        var server = new ServerProcess(directory);
        await server.GiveAwayAsync();
        return server;
    }

    /// <summary>A TCP port of loopback that nobody listens on.</summary>
    public static int FreePort()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)listener.LocalEndPoint!).Port;
    }

    /// <summary>Polls until the condition holds; fails with what it waited for.</summary>
    public static async Task WaitAsync(string what, Func<Task<bool>> condition)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Budget, $"waited {Budget.TotalSeconds} s for {what}");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Gives the directory and what is in it to the user the servers run as.</summary>
    public async Task GiveAwayAsync()
    {
        if (IsRoot)
        {
            await RunAsync("chown", ["-R", "postgres:postgres", DirectoryPath]);
        }
    }

    /// <summary>Runs a program to its end as the servers' user.</summary>
    public static async Task RunAsServerUserAsync(string program, params string[] arguments)
    {
        var (file, all) = AsServerUser(program, arguments);
        await RunAsync(file, all);
    }

    /// <summary>Starts the server; its output goes to a file of the directory.</summary>
    public void Start(string program, params string[] arguments)
    {
        var (file, all) = AsServerUser(program, arguments);
        _process?.Dispose();
        _process = Process.Start(Info(file, all)) ?? throw new InvalidOperationException($"{program} did not start");
        _output = Task.WhenAll(PumpAsync(_process.StandardOutput, "stdout"), PumpAsync(_process.StandardError, "stderr"));
    }

    public async Task StopAsync(int signal)
    {
        if (_process is { HasExited: false } process)
        {
            _ = NativeMethods.Kill(process.Id, signal);
            using var budget = new CancellationTokenSource(Budget);
            await process.WaitForExitAsync(budget.Token);
        }
    }

    /// <summary>Waits for the end of the server's children as well: each of them holds its standard error open.</summary>
    public Task WaitForChildrenAsync() => _output.WaitAsync(Budget);

    /// <summary>What the server has written to its standard error so far.</summary>
    public async Task<string> ReadOutputAsync()
    {
        var path = Path.Combine(DirectoryPath, "stderr");
        if (!File.Exists(path))
        {
            return "";
        }

        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    public ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _atExit;
        KillAndDelete();
        _process?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static (string File, string[] Arguments) AsServerUser(string program, string[] arguments) => IsRoot
        ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", program, .. arguments])
        : (program, arguments);

    private static ProcessStartInfo Info(string file, string[] arguments) => new(file, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = "/",
    };

    private static async Task RunAsync(string file, string[] arguments)
    {
        using var process = Process.Start(Info(file, arguments)) ?? throw new InvalidOperationException($"{file} did not start");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{file} {string.Join(' ', arguments)}: {await output}{await error}");
    }

    private async Task PumpAsync(StreamReader reader, string name)
    {
        await using var file = new StreamWriter(
            new FileStream(Path.Combine(DirectoryPath, name), FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        while (await reader.ReadLineAsync() is { } line)
        {
            await file.WriteLineAsync(line);
        }
    }

    private void KillAndDelete()
    {
        if (_process is { HasExited: false } process)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        if (Directory.Exists(DirectoryPath))
        {
            Directory.Delete(DirectoryPath, recursive: true);
        }
    }
}
