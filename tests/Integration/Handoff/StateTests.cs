namespace PgCluster.Tests.Integration.Handoff;

/// <summary>What an application hands over beside its descriptors, and what happens when it cannot be taken.</summary>
public sealed class StateTests : IAsyncDisposable
{
    private readonly HandoffFolder _folder = new();

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Fact]
    public async Task The_state_goes_over_early_and_the_final_one_when_the_successor_is_ready()
    {
        var first = await _folder.OwnerAsync("a", "--version", "1.0", "--state-version", "7", "--state", "leases");
        var second = _folder.Daemon("b", "--version", "2.0", "--state-version", "7");
        await second.SaysAsync("serving");
        Assert.Equal("leases Preview", await second.SaysAsync("adopted Preview"));
        Assert.False(second.HasSaid("adopted Final"));

        second.Tell("ready");
        await second.SaysAsync("ready");

        Assert.Equal("leases Final", await second.SaysAsync("adopted Final"));
        Assert.Equal("for b 2.0", await first.SaysAsync("captured Final"));
        Assert.Equal(0, await first.ExitAsync());
        Assert.False(first.HasSaid("resumed"));
    }

    [Fact]
    public async Task A_successor_that_cannot_read_the_state_refuses_before_it_has_anything()
    {
        var first = await _folder.OwnerAsync("a", "--state-version", "8", "--state", "leases", "--echo", "api=127.0.0.1:0");
        var second = _folder.Daemon("b", "--state-version", "7");

        Assert.Equal("StateRefused 'b' cannot go on from the state of 'a': it reads version 7 of the state, not 8", await second.SaysAsync("failed"));
        Assert.Equal(3, await second.ExitAsync());
        Assert.EndsWith("it reads version 7 of the state, not 8", await first.SaysAsync("step TransferFailed"), StringComparison.Ordinal);
        Assert.False(first.HasSaid("step DescriptorSent"));
        Assert.Equal("Owner", await first.StateAsync());
        Assert.False(first.HasSaid("resumed"));
    }

    [Fact]
    public async Task A_successor_that_refuses_the_final_state_leaves_the_old_one_the_owner()
    {
        var first = await _folder.OwnerAsync("a", "--state-version", "7", "--state", "leases", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        var second = _folder.Daemon("b", "--state-version", "7", "--state", "refuse-Final", "--ready", "--echo", "api=127.0.0.1:0");

        Assert.StartsWith("StateRefused", await second.SaysAsync("failed"), StringComparison.Ordinal);
        Assert.Equal(3, await second.ExitAsync());
        await first.SaysAsync("resumed");
        await first.SaysAsync("step TransferFailed");
        Assert.Equal("Owner", await first.StateAsync());
        Assert.Equal("a hello", await EchoClient.AskAsync(api, "hello"));
        await _folder.OwnerAsync("c", "--state-version", "7", "--echo", "api=127.0.0.1:0");
    }

    [Fact]
    public async Task An_owner_that_cannot_say_its_state_stays_the_owner_and_says_why()
    {
        var first = await _folder.OwnerAsync("a", "--state-version", "7", "--state", "refuse");
        var second = _folder.Daemon("b", "--state-version", "7");

        Assert.Equal("StateRefused 'a' does not hand its state over to 'b': a failover is under way", await second.SaysAsync("failed"));
        Assert.Equal("Owner", await first.StateAsync());
    }

    [Fact]
    public async Task A_successor_that_reads_no_state_does_not_lose_one()
    {
        var first = await _folder.OwnerAsync("a", "--state-version", "7");
        var second = _folder.Daemon("b");

        Assert.Equal("StateRefused 'a' hands over a state of version 7, and 'b' reads none.", await second.SaysAsync("failed"));
        await first.SaysAsync("step TransferFailed");
        Assert.Equal("Owner", await first.StateAsync());
    }

    [Fact]
    public async Task A_protocol_that_carries_no_state_does_not_lose_one()
    {
        var first = await _folder.OwnerAsync("a", "--state-version", "7");
        var second = _folder.Daemon("b", "--state-version", "7", "--protocol", "0");

        Assert.StartsWith("StateRefused 'b' speaks protocol 0", await second.SaysAsync("failed"), StringComparison.Ordinal);
        Assert.Equal("Owner", await first.StateAsync());
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    public async Task A_successor_is_told_when_there_is_no_state(string protocol)
    {
        await _folder.OwnerAsync("a", "--protocol", protocol);
        var second = await _folder.OwnerAsync("b", "--state-version", "7");

        Assert.Equal("nothing", await second.SaysAsync("adopted Preview"));
        Assert.Equal("nothing", await second.SaysAsync("adopted Final"));
    }

    [Fact]
    public async Task Nothing_is_adopted_where_nobody_owns()
    {
        var first = await _folder.OwnerAsync("a", "--state-version", "7");

        Assert.DoesNotContain("adopted", first.ToString(), StringComparison.Ordinal);
    }
}
