using System.Diagnostics;
using Google.Protobuf;
using PgCluster.Adapters.Grpc;
using PgCluster.Tests.Integration.Grpc.Wire;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>Our client, a server of grpc-js.</summary>
[Collection(GrpcJsTests.Name)]
public sealed class ClientAgainstGrpcJsTests : IDisposable
{
    private readonly GrpcJs _js;
    private readonly GrpcChannel _channel;

    public ClientAgainstGrpcJsTests(GrpcJs js)
    {
        js.Require();
        _js = js;
        _channel = new GrpcChannel(js.Server, new GrpcChannelOptions());
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _channel.Dispose();

    [Fact]
    public async Task A_unary_call_carries_text_and_metadata()
    {
        EchoReply reply = await _channel.UnaryAsync(
            EchoMethods.Say, new EchoRequest { Text = "grüß dich" }, new GrpcCallOptions { Metadata = [new("x-test", "given")] }, Token);

        Assert.Equal("grüß dich", reply.Text);
        Assert.Equal("given", reply.Metadata);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65_536)]
    [InlineData(70_001)]
    [InlineData(3 * 1024 * 1024)]
    public async Task A_message_of_any_size_goes_both_ways(int size)
    {
        ByteString payload = Payload(size);

        EchoReply reply = await _channel.UnaryAsync(EchoMethods.Say, new EchoRequest { Payload = payload }, GrpcCallOptions.None, Token);

        Assert.Equal(payload, reply.Payload);
    }

    [Fact]
    public async Task A_message_above_the_limit_is_refused()
    {
        using var narrow = new GrpcChannel(_js.Server, new GrpcChannelOptions { MaxReceiveMessageSize = 1000 });

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(
            () => narrow.UnaryAsync(EchoMethods.Say, new EchoRequest { Payload = Payload(1001) }, GrpcCallOptions.None, Token));

        Assert.Equal(GrpcStatusCode.ResourceExhausted, error.StatusCode);
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(5_000, 10)]
    [InlineData(40, 100_000)]
    public async Task A_server_stream_arrives_whole_and_in_order(int count, int size)
    {
        var request = new EchoRequest { Count = count, Payload = Payload(size) };
        int next = 0;

        await foreach (EchoReply reply in _channel.ServerStreamingAsync(EchoMethods.Count, request, GrpcCallOptions.None, Token))
        {
            Assert.Equal(next++, reply.Number);
            Assert.Equal(request.Payload, reply.Payload);
        }

        Assert.Equal(count, next);
    }

    [Theory]
    [InlineData(200, 10)]
    [InlineData(10, 300_000)]
    public async Task A_duplex_call_answers_each_message_before_the_next_is_sent(int count, int size)
    {
        ByteString payload = Payload(size);
        await using GrpcDuplexCall<EchoRequest, EchoReply> call = await _channel.DuplexAsync(EchoMethods.Talk, GrpcCallOptions.None, Token);
        await using IAsyncEnumerator<EchoReply> replies = call.ReadAllAsync(Token).GetAsyncEnumerator(Token);

        for (int i = 0; i < count; i++)
        {
            await call.WriteAsync(new EchoRequest { Text = $"m{i}", Payload = payload }, Token);
            Assert.True(await replies.MoveNextAsync());
            Assert.Equal($"m{i}", replies.Current.Text);
            Assert.Equal(payload, replies.Current.Payload);
        }

        await call.CompleteAsync();
        Assert.False(await replies.MoveNextAsync());
    }

    [Fact]
    public async Task A_duplex_call_writes_and_reads_at_the_same_time()
    {
        const int Count = 3_000;
        await using GrpcDuplexCall<EchoRequest, EchoReply> call = await _channel.DuplexAsync(EchoMethods.Talk, GrpcCallOptions.None, Token);
        Task writing = Task.Run(
            async () =>
            {
                for (int i = 0; i < Count; i++)
                {
                    await call.WriteAsync(new EchoRequest { Text = $"m{i}" }, Token);
                }

                await call.CompleteAsync();
            },
            Token);
        int next = 0;
        await foreach (EchoReply reply in call.ReadAllAsync(Token))
        {
            Assert.Equal($"m{next++}", reply.Text);
        }

        await writing;
        Assert.Equal(Count, next);
    }

    [Fact]
    public async Task An_error_keeps_its_code_its_message_and_its_trailers()
    {
        const string Message = "Schloß gehalten von pg01 – 100% sicher\nñ 日本 😀";
        var request = new EchoRequest { FailCode = (int)GrpcStatusCode.Aborted, FailMessage = Message };

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(
            () => _channel.UnaryAsync(EchoMethods.Say, request, GrpcCallOptions.None, Token));

        Assert.Equal(GrpcStatusCode.Aborted, error.StatusCode);
        Assert.Equal(Message, error.Detail);
        Assert.Contains(new KeyValuePair<string, string>("x-why", "asked for"), error.Trailers);
        Assert.Null(error.Reason);
    }

    [Fact]
    public async Task An_error_after_messages_comes_after_the_messages()
    {
        var request = new EchoRequest { Count = 3, FailCode = (int)GrpcStatusCode.DataLoss, FailMessage = "gone" };
        int messages = 0;

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (EchoReply _ in _channel.ServerStreamingAsync(EchoMethods.Count, request, GrpcCallOptions.None, Token))
            {
                messages++;
            }
        });

        Assert.Equal(3, messages);
        Assert.Equal(GrpcStatusCode.DataLoss, error.StatusCode);
        Assert.Equal("gone", error.Detail);
    }

    [Fact]
    public async Task An_error_in_a_duplex_call_reaches_reader_and_writer()
    {
        await using GrpcDuplexCall<EchoRequest, EchoReply> call = await _channel.DuplexAsync(EchoMethods.Talk, GrpcCallOptions.None, Token);
        await call.WriteAsync(new EchoRequest { FailCode = (int)GrpcStatusCode.NotFound, FailMessage = "no such" }, Token);

        GrpcException read = await Assert.ThrowsAsync<GrpcException>(async () =>
        {
            await foreach (EchoReply _ in call.ReadAllAsync(Token))
            {
            }
        });
        GrpcException write = await Assert.ThrowsAsync<GrpcException>(() => call.WriteAsync(new EchoRequest(), Token));

        Assert.Equal(GrpcStatusCode.NotFound, read.StatusCode);
        Assert.Equal(GrpcStatusCode.NotFound, write.StatusCode);
    }

    [Fact]
    public Task A_writer_in_full_flight_does_not_cost_the_reader_the_status() => Flights.AssertStatusSurvivesAsync(_channel);

    [Fact]
    public async Task A_method_nobody_serves_is_Unimplemented()
    {
        GrpcException error = await Assert.ThrowsAsync<GrpcException>(
            () => _channel.UnaryAsync(EchoMethods.Nowhere, new EchoRequest(), GrpcCallOptions.None, Token));

        Assert.Equal(GrpcStatusCode.Unimplemented, error.StatusCode);
    }

    [Theory]
    [InlineData("unary")]
    [InlineData("stream")]
    [InlineData("duplex")]
    public async Task A_deadline_ends_the_call_on_both_sides(string kind)
    {
        int before = await SeenAsync();
        var options = new GrpcCallOptions { Timeout = TimeSpan.FromMilliseconds(200) };
        long started = Stopwatch.GetTimestamp();

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => HangAsync(_channel, kind, options, () => { }, Token));

        Assert.Equal(GrpcStatusCode.DeadlineExceeded, error.StatusCode);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromMilliseconds(150), TimeSpan.FromSeconds(5));
        await Wait.UntilAsync("the server to see the deadline", async () => await SeenAsync() > before);
    }

    [Theory]
    [InlineData("unary")]
    [InlineData("stream")]
    [InlineData("duplex")]
    public async Task The_server_sees_a_cancellation(string kind)
    {
        int before = await SeenAsync();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);

        OperationCanceledException error = await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => HangAsync(_channel, kind, GrpcCallOptions.None, cancel.Cancel, cancel.Token));

        Assert.Equal(cancel.Token, error.CancellationToken);
        await Wait.UntilAsync("the server to see the cancellation", async () => await SeenAsync() > before);
    }

    [Fact]
    public async Task Leaving_a_stream_or_disposing_a_duplex_call_cancels_it()
    {
        int before = await SeenAsync();

        var request = new EchoRequest { Count = 2, Hang = true };
        await foreach (EchoReply _ in _channel.ServerStreamingAsync(EchoMethods.Count, request, GrpcCallOptions.None, Token))
        {
            break;
        }

        await Wait.UntilAsync("the server to see the stream left", async () => await SeenAsync() == before + 1);
        await using (GrpcDuplexCall<EchoRequest, EchoReply> call = await _channel.DuplexAsync(EchoMethods.Talk, GrpcCallOptions.None, Token))
        {
            await call.WriteAsync(new EchoRequest { Text = "one" }, Token);
            await foreach (EchoReply _ in call.ReadAllAsync(Token))
            {
                break;
            }
        }

        await Wait.UntilAsync("the server to see the call disposed", async () => await SeenAsync() == before + 2);
    }

    [Theory]
    [InlineData("unary")]
    [InlineData("stream")]
    [InlineData("duplex")]
    public async Task A_server_killed_in_the_middle_is_Unavailable(string kind)
    {
        await using GrpcJsProcess server = await GrpcJs.StartServerAsync(null);
        using var channel = new GrpcChannel(new Uri($"http://127.0.0.1:{server.Port}"), new GrpcChannelOptions());
        _ = await channel.UnaryAsync(EchoMethods.Say, new EchoRequest(), GrpcCallOptions.None, Token);
        Task hanging = HangAsync(channel, kind, GrpcCallOptions.None, server.Kill, Token);

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(() => hanging);

        Assert.Equal(GrpcStatusCode.Unavailable, error.StatusCode);
        GrpcException again = await Assert.ThrowsAsync<GrpcException>(
            () => channel.UnaryAsync(EchoMethods.Say, new EchoRequest(), GrpcCallOptions.None, Token));
        Assert.Equal(GrpcStatusCode.Unavailable, again.StatusCode);
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_Unavailable_after_the_keep_alive()
    {
        await using GrpcJsProcess server = await GrpcJs.StartServerAsync(null);
        using var channel = new GrpcChannel(
            new Uri($"http://127.0.0.1:{server.Port}"),
            new GrpcChannelOptions { KeepAliveTime = TimeSpan.FromSeconds(1), KeepAliveTimeout = TimeSpan.FromSeconds(1) });

        GrpcException error = await Assert.ThrowsAsync<GrpcException>(
            () => HangAsync(channel, "stream", GrpcCallOptions.None, () => Freeze(server.Id), Token).WaitAsync(Wait.Budget, Token));

        Assert.Equal(GrpcStatusCode.Unavailable, error.StatusCode);
    }

    private static void Freeze(int processId)
    {
        using Process kill = Process.Start("kill", ["-STOP", $"{processId}"]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    private static ByteString Payload(int size)
    {
        byte[] bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return ByteString.CopyFrom(bytes);
    }

    private async Task<int> SeenAsync() => (await SeenAsync(_channel)).Cancelled;

    private static async Task<SeenReply> SeenAsync(GrpcChannel channel) =>
        await channel.UnaryAsync(EchoMethods.Seen, new SeenRequest(), GrpcCallOptions.None, Token);

    // Gets a call to where the server says nothing more, tells so, and waits for its end.
    private static async Task HangAsync(GrpcChannel channel, string kind, GrpcCallOptions options, Action hanging, CancellationToken token)
    {
        switch (kind)
        {
            case "unary":
                int before = (await SeenAsync(channel)).Hanging;
                Task<EchoReply> answer = channel.UnaryAsync(EchoMethods.Say, new EchoRequest { Hang = true }, options, token);
                await Wait.UntilAsync("the call to arrive", async () => (await SeenAsync(channel)).Hanging > before);
                hanging();
                await answer;
                break;
            case "stream":
                var request = new EchoRequest { Count = 1, Hang = true };
                await foreach (EchoReply _ in channel.ServerStreamingAsync(EchoMethods.Count, request, options, token))
                {
                    hanging();
                }

                break;
            default:
                await using (GrpcDuplexCall<EchoRequest, EchoReply> call = await channel.DuplexAsync(EchoMethods.Talk, options, token))
                {
                    await call.WriteAsync(new EchoRequest { Text = "one" }, token);
                    await foreach (EchoReply _ in call.ReadAllAsync(token))
                    {
                        hanging();
                    }
                }

                break;
        }
    }
}
