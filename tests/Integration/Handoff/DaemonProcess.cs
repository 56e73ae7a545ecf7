using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>A running handoff-daemon: it says what happens, a line each.</summary>
internal sealed class DaemonProcess : IAsyncDisposable
{
    private readonly List<string> _lines = [];
    private readonly Process _process;
    private readonly string? _folder;
    private readonly Task _output;

    private DaemonProcess(Process process, string? folder)
    {
        (_process, _folder) = (process, folder);
        _output = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public bool HasExited => _process.HasExited;

    public static DaemonProcess Start(params string[] arguments) =>
        StartThrough("dotnet", [Path.Combine(AppContext.BaseDirectory, "handoff-daemon.dll"), .. arguments]);

    /// <summary>The same as another user, which only root can, with a copy of the program that everybody can read.</summary>
    public static DaemonProcess StartAs(OsAccount account, params string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("pgcluster-").FullName;
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, "handoff-daemon.*").Append(Path.Combine(AppContext.BaseDirectory, "PgCluster.Handoff.dll")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        var (program, wrapped) = account.Wrap("dotnet", [Path.Combine(folder, "handoff-daemon.dll"), .. arguments]);
        return StartThrough(program, [.. wrapped], folder);
    }

    /// <summary>Waits for a line that begins so, and returns the rest of it. A daemon that ends without one fails the test.</summary>
    public async Task<string> SaysAsync(string beginning, int after = 0)
    {
        try
        {
            await Poll.UntilAsync($"a daemon says '{beginning}'", () => Find(beginning, after) is not null || _output.IsCompleted);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} It said:\n{this}", e);
        }

        return Find(beginning, after) ?? throw new InvalidOperationException($"The daemon ended without '{beginning}':\n{this}");
    }

    /// <summary>True when it has said such a line.</summary>
    public bool HasSaid(string beginning) => Find(beginning, 0) is not null;

    public void Tell(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    /// <summary>Tells it something and waits for the line that answers.</summary>
    public Task<string> AskAsync(string command, string answer)
    {
        int after;
        lock (_lines)
        {
            after = _lines.Count;
        }

        Tell(command);
        return SaysAsync(answer, after);
    }

    /// <summary>Its state of the handoff.</summary>
    public Task<string> StateAsync() => AskAsync("state", "state");

    /// <summary>Where it listens under an id.</summary>
    public async Task<EndPoint> EndPointAsync(string id)
    {
        var text = await SaysAsync($"listening {id}");
        return text.StartsWith('/') ? new UnixDomainSocketEndPoint(text) : IPEndPoint.Parse(text);
    }

    /// <summary>Waits for its end and returns its exit code.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Poll.Budget);
        await _output;
        return _process.ExitCode;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
        await _output;
        _process.Dispose();
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    public override string ToString()
    {
        lock (_lines)
        {
            return string.Join('\n', _lines);
        }
    }

    private static DaemonProcess StartThrough(string program, string[] arguments, string? folder = null) => new(Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/",
    }) ?? throw new InvalidOperationException($"{program} did not start"), folder);

    private string? Find(string beginning, int after)
    {
        lock (_lines)
        {
            return _lines.Skip(after).FirstOrDefault(line => line == beginning || line.StartsWith(beginning + " ", StringComparison.Ordinal))?[beginning.Length..].Trim();
        }
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_lines)
            {
                _lines.Add(line);
            }
        }
    }
}
