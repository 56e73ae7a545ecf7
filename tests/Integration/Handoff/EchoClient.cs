using System.Net;
using System.Net.Sockets;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>A client of the daemon's echo: whole lines, or halves of them, so that a request is under way for as long as a test wants.</summary>
internal sealed class EchoClient : IAsyncDisposable
{
    private readonly NetworkStream _stream;
    private readonly StreamReader _reader;

    private EchoClient(Socket socket)
    {
        _stream = new NetworkStream(socket, ownsSocket: true);
        _reader = new StreamReader(_stream);
    }

    public static async Task<EchoClient> ConnectAsync(EndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endPoint, TestContext.Current.CancellationToken).AsTask().WaitAsync(Poll.Budget);
            return new EchoClient(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>One question over a connection of its own: the answer is the id of the daemon that served it, and the line.</summary>
    public static async Task<string> AskAsync(EndPoint endPoint, string line)
    {
        await using var client = await ConnectAsync(endPoint);
        return await client.AskAsync(line);
    }

    public async Task<string> AskAsync(string line)
    {
        await SendAsync(line + "\n");
        return await HearAsync();
    }

    public async Task SendAsync(string text) => await _stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    public async Task<string> HearAsync() =>
        await _reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Poll.Budget) ?? throw new EndOfStreamException("The daemon closed the connection.");

    public async ValueTask DisposeAsync()
    {
        _reader.Dispose();
        await _stream.DisposeAsync();
    }
}
