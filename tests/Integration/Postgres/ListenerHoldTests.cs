using System.Net.Sockets;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Postgres;

/// <summary>A server whose listening sockets are held, as its agent does it.</summary>
public sealed class ListenerHoldTests : IAsyncDisposable
{
    private readonly PostgresLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task Connections_to_a_killed_postmaster_hang_until_the_hold_ends_and_are_reset_then()
    {
        var (options, server) = await StartAsync();
        using var hold = server.HoldListeners();
        await KillPostmasterAsync(options, server);

        using var client = new TcpClient();
        await client.ConnectAsync(options.Host, options.Port, Token);
        var answer = client.GetStream().ReadAsync(new byte[1], Token).AsTask();
        Assert.Equal(NodeState.Crashed, (await server.ProbeAsync(Token)).State);

        // What a leader's agent does before its poolers are paused.
        await server.KillAsync(Token);
        Assert.False(await IsRefusedAsync(options));
        Assert.False(answer.IsCompleted);

        hold.Dispose();
        await Assert.ThrowsAsync<IOException>(() => answer);
        Assert.True(await IsRefusedAsync(options));
    }

    [Fact]
    public async Task A_start_finds_the_port_free()
    {
        var (options, server) = await StartAsync();
        using var hold = server.HoldListeners();
        await KillPostmasterAsync(options, server);
        Assert.False(await IsRefusedAsync(options));

        await server.StartAsync(Token);
        Assert.Equal(NodeState.Running, (await server.ProbeAsync(Token)).State);
    }

    [Fact]
    public async Task An_agent_that_comes_later_holds_them_too()
    {
        var (options, server) = await StartAsync();
        var successor = _lab.Open(options);
        using var hold = successor.HoldListeners();
        await KillPostmasterAsync(options, server);
        Assert.False(await IsRefusedAsync(options));

        await successor.DisposeAsync();
        Assert.True(await IsRefusedAsync(options));
    }

    [Fact]
    public async Task After_a_stop_or_a_kill_connections_are_refused_at_once()
    {
        var (options, server) = await StartAsync();
        using var first = server.HoldListeners();
        await server.StopAsync(ShutdownMode.Fast, Token);
        Assert.True(await IsRefusedAsync(options));

        await server.StartAsync(Token);
        using var second = server.HoldListeners();
        await server.KillAsync(Token);
        Assert.True(await IsRefusedAsync(options));
    }

    [Theory]
    [InlineData(UnixSignal.Interrupt)]
    [InlineData(UnixSignal.Quit)]
    public async Task A_stop_by_hand_ends_the_hold(UnixSignal stop)
    {
        var (options, server) = await StartAsync();
        using var hold = server.HoldListeners();
        DataDirectoryProcesses.FindPostmaster(options.DataDirectory)!.Value.Signal(stop);
        await server.WaitForExitAsync(Token);

        await Poll.UntilAsync("connections are refused", () => IsRefusedAsync(options));
    }

    [Fact]
    public async Task A_restart_by_hand_finds_the_port_free()
    {
        var (options, server) = await StartAsync();
        using var hold = server.HoldListeners();
        var before = DataDirectoryProcesses.FindPostmaster(options.DataDirectory);
        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand(Path.Combine(PostgresBinaries.Find(null), "pg_ctl"), ["restart", "-D", options.DataDirectory, "-l", options.LogFile, "-w"])
            {
                Account = PostgresLab.Account,
                WorkingDirectory = _lab.Root,
            },
            Reason.PlaygroundFailed, TimeSpan.FromSeconds(60), TimeProvider.System, Token);

        Assert.NotEqual(before, DataDirectoryProcesses.FindPostmaster(options.DataDirectory));
        Assert.Equal(NodeState.Running, (await server.ProbeAsync(Token)).State);
    }

    private async Task<(LocalPostgresOptions Options, LocalPostgresServer Server)> StartAsync()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        return (options, server);
    }

    private static async Task KillPostmasterAsync(LocalPostgresOptions options, LocalPostgresServer server)
    {
        Assert.True(DataDirectoryProcesses.FindPostmaster(options.DataDirectory)!.Value.Signal(UnixSignal.Kill));
        await server.WaitForExitAsync(Token);
    }

    private static async Task<bool> IsRefusedAsync(LocalPostgresOptions options)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(options.Host, options.Port, Token);
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return true;
        }
    }
}
