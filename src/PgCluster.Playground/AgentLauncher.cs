using System.Globalization;
using System.Net.Sockets;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground;

/// <summary><c>pgcluster supervise</c> for each server, which starts it, and <c>pgcluster proxy</c> for each pooler.</summary>
internal sealed class AgentLauncher(string? executable) : IPlaygroundLauncher
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private static readonly TimeSpan CopyBudget = TimeSpan.FromSeconds(30);

    private readonly string _executable = executable ?? FindBesideThis();

    public void Validate()
    {
        if (!File.Exists(_executable))
        {
            throw new PgClusterException(
                Reason.MissingProgram, $"The agent '{_executable}' is missing: name the executable 'pgcluster' or 'pgcluster.dll' (AgentExecutable).")
            {
                Target = _executable,
            };
        }
    }

    public async Task LaunchAsync(PlaygroundRun run, CancellationToken cancellationToken)
    {
        var path = await MakeReadableAsync(run, cancellationToken).ConfigureAwait(false);
        var (program, first) = path.EndsWith(".dll", StringComparison.Ordinal) ? (FindDotnet(), new[] { path }) : (path, Array.Empty<string>());
        foreach (var server in run.State.Servers)
        {
            await run.StartAsync(
                "agent-" + server.Name, run.Paths.Log(server.Name, "agent"), program,
                [.. first, "supervise", "--config-file", run.Paths.Config, "--node", server.Name], cancellationToken).ConfigureAwait(false);
        }

        foreach (var pooler in run.State.Poolers)
        {
            await run.StartAsync(
                "proxy-" + pooler.Name, run.Paths.Log(pooler.Name, "proxy"), program,
                [.. first, "proxy", "--config-file", run.Paths.Config, "--pooler", pooler.Name], cancellationToken).ConfigureAwait(false);
        }
    }

    public async Task<string?> FindMissingAsync(PlaygroundRun run, CancellationToken cancellationToken)
    {
        foreach (var server in run.State.Servers)
        {
            if (!await AnswersAsync(server.HttpPort, cancellationToken).ConfigureAwait(false))
            {
                return $"the agent of {server.Name} to be healthy ({PlaygroundFiles.Address(server.HttpPort)})";
            }
        }

        foreach (var (name, port) in run.State.Servers.Select(server => (server.Name, server.AgentPort))
            .Concat(run.State.Poolers.Select(pooler => (pooler.Name, pooler.KeeperPort))))
        {
            if (!await ListensAsync(port, cancellationToken).ConfigureAwait(false))
            {
                return string.Create(CultureInfo.InvariantCulture, $"{name} to serve on {PlaygroundFiles.Address(port)}");
            }
        }

        return null;
    }

    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri($"http://{PlaygroundFiles.Address(port)}/health"), cancellationToken).ConfigureAwait(false);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async Task<bool> ListensAsync(int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(PlaygroundFiles.Host, port, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>
    /// Root's own files (a module below /root, say) cannot be read by the user the agents run as: then they get a copy inside the playground.
    /// </summary>
    private async Task<string> MakeReadableAsync(PlaygroundRun run, CancellationToken cancellationToken)
    {
        var path = Path.GetFullPath(_executable);
        if (run.Home.Account is not { } account)
        {
            return path;
        }

        var isReadable = await ProgramRunner.RunAsync(
            new ProgramCommand("test", ["-r", path]) { Account = account, WorkingDirectory = "/" }, CopyBudget, run.Time, cancellationToken).ConfigureAwait(false);
        if (isReadable.ExitCode == 0)
        {
            return path;
        }

        var copy = run.Paths.Of("agent");
        foreach (var command in new ProgramCommand[]
        {
            new("cp", ["-rL", Path.GetDirectoryName(path)!, copy]),
            new("chown", ["-R", string.Create(CultureInfo.InvariantCulture, $"{account.UserId}:{account.GroupId}"), copy]),
        })
        {
            await ProgramRunner.RunCheckedAsync(command, Reason.PlaygroundFailed, CopyBudget, run.Time, cancellationToken).ConfigureAwait(false);
        }

        return Path.Combine(copy, Path.GetFileName(path));
    }

    private static string FindBesideThis()
    {
        var directory = Path.GetDirectoryName(typeof(AgentLauncher).Assembly.Location) is { Length: > 0 } own ? own : AppContext.BaseDirectory;
        var executable = Path.Combine(directory, "pgcluster");
        return File.Exists(executable) ? executable : executable + ".dll";
    }

    private static string FindDotnet() =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
}
