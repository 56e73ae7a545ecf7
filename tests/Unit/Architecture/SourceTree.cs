namespace PgCluster.Tests.Unit.Architecture;

/// <summary>The checked-out repository that this test was built from.</summary>
static class SourceTree
{
    static readonly string[] Generated = ["artifacts", "bin", "obj", "node_modules", ".git"];

    public static string Root { get; } = FindRoot();

    /// <summary>Debug or Release, as this test was built: the folder's name below artifacts/bin/PROJECT.</summary>
    public static string BuildFolder { get; } = new DirectoryInfo(AppContext.BaseDirectory).Name;

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    /// <summary>Files below a folder, with their paths relative to the root and forward slashes; without what tools generate.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) =>
        Directory.EnumerateFiles(PathOf(folder), pattern, SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Split('/').Intersect(Generated).Any())
            .Order(StringComparer.Ordinal);

    /// <summary>The built assembly of a project, which need not be referenced by this test.</summary>
    public static string AssemblyOf(string project, string assembly) => PathOf(Path.Combine("artifacts", "bin", project, BuildFolder, assembly + ".dll"));

    static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "PgCluster.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not below a folder with PgCluster.slnx");
    }
}
