using System.Net;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>Kestrel on a listener that is handed over: TR-19.</summary>
public sealed class KestrelTests : IAsyncDisposable
{
    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task TR_19_an_http2_stream_lives_until_it_has_ended()
    {
        var first = await _folder.OwnerAsync("a", "--http2", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        await using var running = await StreamClient.OpenAsync(api);
        Assert.Equal("a before", await running.AskAsync("before"));

        await _folder.OwnerAsync("b", "--http2", "api=127.0.0.1:0");
        await first.SaysAsync("web-closed");

        Assert.Equal("b", await StreamClient.WhoAsync(api));
        Assert.Equal("a meanwhile", await running.AskAsync("meanwhile"));
        Assert.False(first.HasExited);
        await running.EndAsync();
        Assert.Equal(0, await first.ExitAsync());
    }

    [Fact]
    public async Task TR_19_at_the_drain_deadline_what_is_left_is_cut()
    {
        var first = await _folder.OwnerAsync("a", "--http2", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        await using var running = await StreamClient.OpenAsync(api);
        await _folder.OwnerAsync("b", "--http2", "api=127.0.0.1:0");
        await first.SaysAsync("complete Draining");
        Assert.Equal("a meanwhile", await running.AskAsync("meanwhile"));

        first.Tell("deadline");

        Assert.Equal(0, await first.ExitAsync());
        await Assert.ThrowsAnyAsync<Exception>(() => running.AskAsync("after"));
        Assert.Equal("b", await StreamClient.WhoAsync(api));
    }

    [Fact]
    public async Task TR_19_200_streams_over_several_upgrades()
    {
        var current = await _folder.OwnerAsync("p0", "--http2", "api=127.0.0.1:0");
        var api = await current.EndPointAsync("api");
        List<(string Id, DaemonProcess Daemon, StreamClient[] Streams)> drained = [];
        for (var i = 0; i < 4; i++)
        {
            var streams = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => StreamClient.OpenAsync(api)));
            drained.Add(($"p{i}", current, streams));
            current = await _folder.OwnerAsync($"p{i + 1}", "--http2", "api=127.0.0.1:0");
            await drained[^1].Daemon.SaysAsync("web-closed");
        }

        foreach (var (id, daemon, streams) in drained)
        {
            Assert.All(await Task.WhenAll(streams.Select(stream => stream.AskAsync("still there"))), answer => Assert.Equal($"{id} still there", answer));
            await Task.WhenAll(streams.Select(stream => stream.EndAsync()));
            Assert.Equal(0, await daemon.ExitAsync());
        }

        Assert.Equal("p4", await StreamClient.WhoAsync(api));
    }

    [Fact]
    public async Task A_successor_that_gives_up_takes_nothing_of_the_owners_kestrel_with_it()
    {
        var first = await _folder.OwnerAsync("a", "--http2", "api=127.0.0.1:0", "--http", "metrics=127.0.0.1:0");
        var (api, metrics) = (await first.EndPointAsync("api"), (IPEndPoint)await first.EndPointAsync("metrics"));
        var second = _folder.Daemon("b", "--http2", "api=127.0.0.1:0", "--http", "metrics=127.0.0.1:0");
        await second.SaysAsync("serving");
        second.Tell("exit");
        await second.ExitAsync();
        await first.SaysAsync("step TransferFailed");

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("a", await StreamClient.WhoAsync(api));
            using var client = new HttpClient();
            Assert.Equal("a", await client.GetStringAsync(new Uri($"http://{metrics}/who"), TestContext.Current.CancellationToken));
        }
    }
}
