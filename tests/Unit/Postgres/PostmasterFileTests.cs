using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class PostmasterFileTests
{
    [Fact]
    public void Reads_a_whole_file() => Assert.Equal(
        new PostmasterFile(4711, 5432, 98304, "ready"),
        PostmasterFile.Parse("4711\n/data\n1700000000\n5432\n/run\n127.0.0.1\n  11657377     98304\nready   \n"));

    [Theory]
    [InlineData("4711\n", 4711, 0, -1, "")]
    [InlineData("4711\n/data\n1700000000\n5432\n", 4711, 5432, -1, "")]
    public void Reads_one_that_is_being_written(string text, int pid, int port, int memory, string status) =>
        Assert.Equal(new PostmasterFile(pid, port, memory, status), PostmasterFile.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("-4711\n/data\n")]
    [InlineData("x")]
    public void Anything_else_is_no_postmaster(string text) => Assert.Null(PostmasterFile.Parse(text));
}
