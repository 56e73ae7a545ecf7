using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class NodeFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("pgc-files-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_the_configuration_includes_belongs_to_the_node_and_what_PostgreSQL_writes_does_not()
    {
        var data = Path.Combine(_root, "data");
        Write("data/PG_VERSION", "15");
        Write("data/standby.signal", "");
        Write("data/base/1/112", "");
        Write("data/server.crt", "");
        Write("data/postgresql.auto.conf", "");
        Write("data/postgresql.conf", "include_dir = 'conf.d'\ninclude_if_exists 'missing.conf'\n# include 'off.conf'\n  Include 'deep/one.conf' # x\ninclude '../outside.conf'\ninclude_size = 3\n");
        Write("data/conf.d/a.conf", "");
        Write("data/conf.d/a.txt", "");
        Write("data/deep/one.conf", "include two.conf\n");
        Write("data/deep/two.conf", "include one.conf\n");
        Write("data/deep/three.conf", "");
        Write("outside.conf", "");

        Assert.Equal(
            ["conf.d/a.conf", "deep/one.conf", "deep/two.conf", "postgresql.auto.conf", "postgresql.conf", "server.crt"], NodeFiles.Find(data));
    }

    [Fact]
    public void Restored_files_replace_those_of_another_node()
    {
        Write("mine/postgresql.conf", "include 'd/x.conf'\n");
        Write("mine/d/x.conf", "mine");
        Write("other/postgresql.conf", "theirs");
        Write("other/server.key", "theirs");
        Write("other/PG_VERSION", "15");
        Write("other/d/x.conf", "theirs");
        var (mine, other, saved) = (Path.Combine(_root, "mine"), Path.Combine(_root, "other"), Path.Combine(_root, "saved"));
        NodeFiles.Copy(mine, NodeFiles.Find(mine), saved, null);

        NodeFiles.Restore(saved, other, null);

        Assert.Equal(["d/x.conf", "postgresql.conf"], NodeFiles.Find(other));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(other, "d/x.conf")));
        Assert.True(File.Exists(Path.Combine(other, "PG_VERSION")));
    }

    private void Write(string path, string text)
    {
        var full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
