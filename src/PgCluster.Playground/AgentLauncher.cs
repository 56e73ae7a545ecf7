using System.Globalization;
using System.Net.Sockets;

namespace PgCluster.Playground;

/// <summary><c>pgcluster supervise</c> for each server, which starts it, and <c>pgcluster proxy</c> for each pooler.</summary>
internal sealed class AgentLauncher(string? executable) : IPlaygroundLauncher
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(2) };

    private readonly string _executable = executable ?? AgentProgram.FindBesideThis();

    public bool StartsAgents => true;

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
        var (program, first) = await AgentProgram.PrepareAsync(_executable, run.Home.Account, run.Paths.Of("agent"), run.Time, cancellationToken).ConfigureAwait(false);
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
                return $"the agent of {server.Name} to be healthy ({PlaygroundFiles.Address(PlaygroundFiles.Host, server.HttpPort)})";
            }
        }

        foreach (var (name, port) in run.State.Servers.Select(server => (server.Name, server.AgentPort))
            .Concat(run.State.Poolers.Select(pooler => (pooler.Name, pooler.KeeperPort))))
        {
            if (!await ListensAsync(port, cancellationToken).ConfigureAwait(false))
            {
                return string.Create(CultureInfo.InvariantCulture, $"{name} to serve on {PlaygroundFiles.Address(PlaygroundFiles.Host, port)}");
            }
        }

        return null;
    }

    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri($"http://{PlaygroundFiles.Address(PlaygroundFiles.Host, port)}/health"), cancellationToken).ConfigureAwait(false);
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
}
