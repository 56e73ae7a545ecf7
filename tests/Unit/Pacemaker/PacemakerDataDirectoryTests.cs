using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

/// <summary>Where a node's data directory is when its configuration does not say.</summary>
public sealed class PacemakerDataDirectoryTests
{
    private static readonly NodeConfig Node = new() { Name = "pg01", Host = "pg01", Agent = new("pg01", 8432), Http = new("pg01", 8433) };

    private readonly IPacemaker _pacemaker = Substitute.For<IPacemaker>();

    [Fact]
    public async Task It_is_that_of_the_resource()
    {
        _pacemaker.ReadAsync(TestContext.Current.CancellationToken).ReturnsForAnyArgs(RecordedCib.Parse("healthy"));

        Assert.Equal(Node with { DataDirectory = "/var/lib/postgresql/main" }, await CompleteAsync(Node));
    }

    [Fact]
    public async Task One_that_is_named_is_not_asked_for()
    {
        var named = Node with { DataDirectory = "/data" };

        Assert.Equal(named, await CompleteAsync(named));
        await _pacemaker.DidNotReceiveWithAnyArgs().ReadAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Pacemaker_is_waited_for()
    {
        _pacemaker.ReadAsync(TestContext.Current.CancellationToken).ReturnsForAnyArgs(
            _ => throw new PgClusterException(Reason.PacemakerUnavailable, "down"), _ => Task.FromResult(RecordedCib.Parse("healthy")));

        Assert.Equal("/var/lib/postgresql/main", (await CompleteAsync(Node)).DataDirectory);
    }

    [Fact]
    public async Task What_Pacemaker_does_not_know_is_an_error()
    {
        _pacemaker.ReadAsync(TestContext.Current.CancellationToken).ReturnsForAnyArgs(RecordedCib.Parse("healthy"));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => CompleteAsync(Node, "other"));
        Assert.Equal((Reason.InvalidConfiguration, "pg01"), (error.Reason, error.Target));
        Assert.StartsWith("node pg01 has no data_directory, and Pacemaker does not say which it is: Pacemaker runs no resource other", error.Message, StringComparison.Ordinal);
    }

    private Task<NodeConfig> CompleteAsync(NodeConfig node, string resource = "") => PacemakerDataDirectory.CompleteAsync(
        node, _pacemaker, new PacemakerConfig { Resource = resource, PollInterval = TimeSpan.FromMilliseconds(1) }, TimeProvider.System, NullLogger.Instance, TestContext.Current.CancellationToken);
}
