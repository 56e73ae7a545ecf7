using System.Threading.Channels;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Nodes;

public sealed class NodeSuspicionTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);
    private static readonly LeaderRecord Leader = new("pg01", 3, "t1");

    private readonly Channel<string> _did = Channel.CreateUnbounded<string>();
    private readonly NodeSuspicion _suspicion;
    private bool _answers;
    private int _asked;

    public NodeSuspicionTests()
    {
        _suspicion = new NodeSuspicion(
            (node, _) =>
            {
                Interlocked.Increment(ref _asked);
                return Task.FromResult(_answers);
            },
            leader =>
            {
                _did.Writer.TryWrite($"pause {leader.Term}");
                return () =>
                {
                    _did.Writer.TryWrite($"give up {leader.Term}");
                    return Task.CompletedTask;
                };
            });
    }

    [Fact]
    public async Task A_silent_leader_without_a_server_makes_clients_wait_once()
    {
        Look(Leader, Soon, Soon);
        Look(Leader, TimeSpan.Zero, Soon);

        Assert.Equal("pause t1", await NextAsync());
        Look(Leader, TimeSpan.Zero, Soon);
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task One_that_is_heard_of_again_lets_them_go_on()
    {
        Look(Leader, TimeSpan.Zero, Soon);
        Assert.Equal("pause t1", await NextAsync());

        Look(Leader, Soon, Soon);
        Assert.Equal("give up t1", await NextAsync());

        Look(Leader, TimeSpan.Zero, Soon);
        Assert.Equal("pause t1", await NextAsync());
    }

    [Fact]
    public async Task One_whose_server_answers_keeps_its_clients_until_its_guard_has_killed_it()
    {
        _answers = true;
        Look(Leader, TimeSpan.Zero, Soon);
        Look(Leader, TimeSpan.Zero, Soon);
        Look(Leader, TimeSpan.Zero, TimeSpan.Zero);

        Assert.Equal("pause t1", await NextAsync());
        Look(Leader, TimeSpan.Zero, TimeSpan.Zero);
        Look(Leader, Soon, Soon);
        Assert.Equal("give up t1", await NextAsync());
        Assert.True(_asked <= 1, "a server that has been killed is not asked");
    }

    [Theory]
    [InlineData("pg01", "give up t1")]
    [InlineData("pg02", "pause t2")]
    public async Task A_new_term_of_the_same_node_lets_them_go_on_and_one_of_another_ends_the_pause_itself(string node, string then)
    {
        Look(Leader, TimeSpan.Zero, Soon);
        Assert.Equal("pause t1", await NextAsync());

        var next = new LeaderRecord(node, 4, "t2");
        Look(next, Soon, Soon);
        Look(next, TimeSpan.Zero, Soon);

        var did = new[] { await NextAsync(), node == "pg01" ? await NextAsync() : "" };
        Assert.Contains(then, did);
        Assert.Contains("pause t2", did);
    }

    [Theory]
    [InlineData(null, null, true)]
    [InlineData(null, 0.0, false)]
    [InlineData("operation", 0.0, true)]
    public async Task Nobody_waits_where_silence_means_nothing_or_nobody_would_take_over(string? yieldsTo, double? suspected, bool isReplaced)
    {
        _suspicion.Look(Leader with { YieldsTo = yieldsTo }, suspected is { } s ? TimeSpan.FromSeconds(s) : null, TimeSpan.Zero, isReplaced);

        // What would have been done by then has been, when a later leader is paused for.
        Look(new LeaderRecord("pg02", 4, "t2"), TimeSpan.Zero, Soon);
        Assert.Equal("pause t2", await NextAsync());
    }

    private void Look(LeaderRecord leader, TimeSpan suspected, TimeSpan killed) => _suspicion.Look(leader, suspected, killed, isReplaced: true);

    private async Task<string> NextAsync() => await _did.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
}
