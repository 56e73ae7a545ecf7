using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class RedirectTests
{
    [Fact]
    public void Json_is_read_back_as_it_was_written()
    {
        var redirect = new Redirect(Guid.Parse("11111111-2222-3333-4444-555555555555"), RedirectState.Active, "db.new", 5433, "orders2", "orders");

        Assert.Equal(
            """{"run_id":"11111111-2222-3333-4444-555555555555","state":"Active","host":"db.new","port":5433,"""
            + "\"database\":\"orders2\",\"source_database\":\"orders\"}",
            redirect.ToJson());
        Assert.Equal(redirect, Redirect.FromJson(redirect.ToJson()));
    }

    // Whatever is half a record leads nowhere; taken for a whole one it would lead clients into the void.
    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("db.new:5433")]
    [InlineData("""{"state":"Later","host":"h","port":5432,"database":"d","source_database":"s"}""")]
    [InlineData("""{"state":"Active","host":"","port":5432,"database":"d","source_database":"s"}""")]
    [InlineData("""{"state":"Active","host":"h x","port":5432,"database":"d","source_database":"s"}""")]
    [InlineData("""{"state":"Active","host":"h","port":0,"database":"d","source_database":"s"}""")]
    [InlineData("""{"state":"Active","host":"h","port":5432,"source_database":"s"}""")]
    [InlineData("""{"state":"Active","host":"h","port":5432,"database":"d"}""")]
    public void What_no_pooler_could_follow_is_no_redirect(string? json) => Assert.Null(Redirect.FromJson(json));
}
