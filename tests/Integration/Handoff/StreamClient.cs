using System.Net;
using System.Text;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>A stream of HTTP/2 over a connection of its own that stays open: lines go one way, answers come back.</summary>
internal sealed class StreamClient : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly HttpResponseMessage _response;
    private readonly LineContent _lines;
    private readonly StreamReader _reader;

    private StreamClient(HttpClient http, HttpResponseMessage response, LineContent lines, Stream body)
    {
        _http = http;
        _response = response;
        _lines = lines;
        _reader = new StreamReader(body);
    }

    public static async Task<StreamClient> OpenAsync(EndPoint api)
    {
        var http = Client();
        var lines = new LineContent();
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"http://{api}/echo")) { Content = lines, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return new StreamClient(http, response, lines, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Id of the daemon that serves a new connection.</summary>
    public static async Task<string> WhoAsync(EndPoint api)
    {
        using var http = Client();
        http.DefaultRequestVersion = HttpVersion.Version20;
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        return await http.GetStringAsync(new Uri($"http://{api}/who"), TestContext.Current.CancellationToken);
    }

    public async Task<string> AskAsync(string line)
    {
        var stream = await _lines.Stream.WaitAsync(Poll.Budget);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), TestContext.Current.CancellationToken).AsTask().WaitAsync(Poll.Budget);
        await stream.FlushAsync(TestContext.Current.CancellationToken).WaitAsync(Poll.Budget);
        return await _reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Poll.Budget) ?? throw new EndOfStreamException("The daemon ended the stream.");
    }

    /// <summary>Ends the request and waits until the answer has ended too.</summary>
    public async Task EndAsync()
    {
        _lines.End();
        Assert.Equal("", await _reader.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(Poll.Budget));
    }

    public ValueTask DisposeAsync()
    {
        _lines.End();
        _reader.Dispose();
        _response.Dispose();
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private static HttpClient Client() => new(new SocketsHttpHandler()) { Timeout = Poll.Budget };

    /// <summary>A request's body that is written for as long as a test likes.</summary>
    private sealed class LineContent : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Stream> Stream => _stream.Task;

        public void End() => _end.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync();
            _stream.TrySetResult(stream);
            await _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
