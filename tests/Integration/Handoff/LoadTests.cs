using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>Upgrades under a thousand new connections a second: TR-20. Nobody is refused, nobody is reset, everybody gets an answer.</summary>
public sealed partial class LoadTests : IAsyncDisposable
{
    private const int Upgrades = 4;
    private const int ConnectionsPerSecond = 1000;

    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public Task TR_20_plain_sockets() => UpgradeAsync("--echo", "hello\n");

    [Fact]
    public Task TR_20_kestrel() => UpgradeAsync("--http", "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    [GeneratedRegex(@"\bp\d+\b")]
    private static partial Regex AnsweredBy { get; }

    private async Task UpgradeAsync(string kind, string request)
    {
        string[] arguments = [kind, "api=127.0.0.1:0"];
        var current = await _folder.OwnerAsync("p0", arguments);
        var api = await current.EndPointAsync("api");
        var bytes = Encoding.ASCII.GetBytes(request);
        using var load = new ConnectionLoad(ConnectionsPerSecond, () => AskAsync(kind, api, bytes));
        load.Start();
        for (var i = 1; i <= Upgrades; i++)
        {
            var id = $"p{i}";
            var next = await _folder.OwnerAsync(id, arguments);
            Assert.Equal(0, await current.ExitAsync());
            await Fixtures.Poll.UntilAsync($"{id} has served somebody", () => load.Served.ContainsKey(id) || load.Failures.Count > 0);
            Assert.Empty(load.Failures);
            current = next;
        }

        await load.StopAsync();
        Assert.Empty(load.Failures);
        Assert.Equal(Upgrades + 1, load.Served.Count);
        TestContext.Current.TestOutputHelper?.WriteLine($"{load}");
    }

    private static async Task<string> AskAsync(string kind, EndPoint api, byte[] request)
    {
        // Closed with a reset: a thousand a second that linger would use up the ports in which other tests listen.
        using var socket = new Socket(api.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(enable: true, seconds: 0) };
        await socket.ConnectAsync(api);
        await socket.SendAsync(request, SocketFlags.None);

        // The echo answers with a line, and ends with its client; HTTP ends when it has answered.
        var answer = new byte[1024];
        var length = 0;
        while ((length == 0 || kind == "--http" || answer[length - 1] != '\n')
            && await socket.ReceiveAsync(answer.AsMemory(length), SocketFlags.None) is > 0 and var read)
        {
            length += read;
        }

        return AnsweredBy.Match(Encoding.ASCII.GetString(answer, 0, length)) is { Success: true } match ? match.Value : throw new InvalidDataException("closed without an answer");
    }
}
