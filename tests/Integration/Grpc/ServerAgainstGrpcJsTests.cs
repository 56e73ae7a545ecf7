using System.Text.Json.Nodes;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>Our server, a client of grpc-js.</summary>
[Collection(GrpcJsTests.Name)]
public sealed class ServerAgainstGrpcJsTests : IAsyncLifetime
{
    private readonly GrpcJs _js;
    private EchoServer _server = null!;

    public ServerAgainstGrpcJsTests(GrpcJs js) => _js = js;

    public async ValueTask InitializeAsync()
    {
        _js.Require();
        _server = await EchoServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_unary_call_carries_text_and_metadata()
    {
        JsonNode seen = await RunAsync("unary");

        Assert.Equal("grüß dich", (string?)seen["text"]);
        Assert.Equal("given", (string?)seen["metadata"]);
    }

    [Theory]
    [InlineData(65_536)]
    [InlineData(70_001)]
    [InlineData(3 * 1024 * 1024)]
    public async Task A_message_of_any_size_goes_both_ways(int size)
    {
        JsonNode seen = await RunAsync("big", new JsonObject { ["size"] = size });

        Assert.Equal(0, (int)seen["code"]!);
        Assert.True((bool)seen["same"]!);
    }

    [Fact]
    public async Task A_message_above_the_limit_is_refused()
    {
        await using EchoServer narrow = await EchoServer.StartAsync(options: new() { MaxReceiveMessageSize = 1000 });

        JsonNode seen = await _js.RunClientAsync(narrow.HostAndPort, "big", new JsonObject { ["size"] = 1001 });

        Assert.Equal((int)GrpcStatusCode.ResourceExhausted, (int)seen["code"]!);
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(5_000, 10)]
    [InlineData(40, 100_000)]
    public async Task A_server_stream_arrives_whole_and_in_order(int count, int size)
    {
        JsonNode seen = await RunAsync("stream", new JsonObject { ["count"] = count, ["size"] = size });

        Assert.Equal(count, (int)seen["numbers"]!);
        Assert.True((bool)seen["inOrder"]!);
        Assert.True((bool)seen["same"]!);
        Assert.Equal(0, (int)seen["status"]!["code"]!);
    }

    [Fact]
    public async Task An_error_after_messages_comes_after_the_messages()
    {
        JsonNode seen = await RunAsync("stream", new JsonObject
        {
            ["count"] = 3,
            ["size"] = 10,
            ["request"] = new JsonObject { ["fail_code"] = (int)GrpcStatusCode.DataLoss, ["fail_message"] = "gone" },
        });

        Assert.Equal(3, (int)seen["numbers"]!);
        Assert.Equal((int)GrpcStatusCode.DataLoss, (int)seen["status"]!["code"]!);
        Assert.Equal("gone", (string?)seen["status"]!["details"]);
    }

    [Theory]
    [InlineData(200, 10)]
    [InlineData(10, 300_000)]
    public async Task A_duplex_call_answers_each_message_before_the_next_is_sent(int count, int size)
    {
        JsonNode seen = await RunAsync("duplex", new JsonObject { ["count"] = count, ["size"] = size });

        Assert.Equal(count, (int)seen["answers"]!);
        Assert.True((bool)seen["same"]!);
        Assert.Equal(0, (int)seen["code"]!);
    }

    [Fact]
    public async Task An_error_keeps_its_code_and_its_message()
    {
        const string Message = "Schloß gehalten von pg01 – 100% sicher\nñ 日本 😀";

        JsonNode seen = await ErrorAsync((int)GrpcStatusCode.Aborted, Message);

        Assert.Equal((int)GrpcStatusCode.Aborted, (int)seen["code"]!);
        Assert.Equal(Message, (string?)seen["details"]);
    }

    [Fact]
    public async Task A_reason_goes_as_status_and_trailer()
    {
        JsonNode seen = await ErrorAsync(1000, "held by pg01");

        Assert.Equal((int)GrpcStatusCode.Aborted, (int)seen["code"]!);
        Assert.Equal("held by pg01", (string?)seen["details"]);
        Assert.Equal("LockHeld", (string?)seen["reason"]);
    }

    [Fact]
    public async Task A_method_nobody_serves_is_Unimplemented()
    {
        JsonNode seen = await RunAsync("unknown");

        Assert.Equal((int)GrpcStatusCode.Unimplemented, (int)seen["code"]!);
    }

    [Fact]
    public async Task A_deadline_ends_the_call_on_both_sides()
    {
        JsonNode seen = await RunAsync("deadline");

        Assert.Equal((int)GrpcStatusCode.DeadlineExceeded, (int)seen["code"]!);
        await CancelledAsync("the handler to see the deadline");
    }

    [Fact]
    public async Task The_handler_sees_a_cancellation()
    {
        JsonNode seen = await RunAsync("cancel");

        Assert.Equal((int)GrpcStatusCode.Cancelled, (int)seen["code"]!);
        await CancelledAsync("the handler to see the cancellation");
    }

    [Fact]
    public async Task The_handler_sees_a_client_killed_in_the_middle()
    {
        await using GrpcJsProcess client = GrpcJs.StartClient();
        JsonNode holding = await client.AskAsync(new JsonObject { ["address"] = _server.HostAndPort, ["scenario"] = "hold" });
        Assert.True((bool)holding["holding"]!);

        client.Kill();

        await CancelledAsync("the handler to see its client gone");
    }

    [Fact]
    public async Task A_server_that_stops_ends_its_streams_as_Unavailable()
    {
        await using GrpcJsProcess client = GrpcJs.StartClient();
        JsonNode holding = await client.AskAsync(new JsonObject { ["address"] = _server.HostAndPort, ["scenario"] = "hold" });
        Assert.True((bool)holding["holding"]!);

        await _server.StopAsync();

        JsonNode seen = await client.ReadAsync();
        Assert.Equal((int)GrpcStatusCode.Unavailable, (int)seen["code"]!);
        Assert.Equal(1, _server.Cancelled);
    }

    [Fact]
    public async Task A_deadline_ends_a_stream_in_full_flow_as_DeadlineExceeded()
    {
        JsonNode seen = await RunAsync("flood", new JsonObject { ["count"] = 100_000, ["size"] = 100_000 });

        Assert.Equal((int)GrpcStatusCode.DeadlineExceeded, (int)seen["code"]!);
        await CancelledAsync("the writer to be ended");
    }

    [Fact]
    public async Task A_writer_that_waits_for_a_reader_is_freed_after_the_deadline()
    {
        await using GrpcJsProcess client = GrpcJs.StartClient();
        JsonNode stalled = await client.AskAsync(
            new JsonObject { ["address"] = _server.HostAndPort, ["scenario"] = "stalled", ["count"] = 100_000, ["size"] = 100_000 });
        Assert.True((bool)stalled["answered"]!);

        await CancelledAsync("the writer to be freed");
    }

    private Task<JsonNode> RunAsync(string scenario, JsonObject? more = null) => _js.RunClientAsync(_server.HostAndPort, scenario, more);

    private Task<JsonNode> ErrorAsync(int code, string message) =>
        RunAsync("error", new JsonObject { ["request"] = new JsonObject { ["fail_code"] = code, ["fail_message"] = message } });

    private Task CancelledAsync(string what) => Wait.UntilAsync(what, () => Task.FromResult(_server.Cancelled == 1));
}
