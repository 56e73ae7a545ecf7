using System.Xml.Linq;

namespace PgCluster.Build;

/// <summary>The checked-out repository: where things are, and which version it is.</summary>
sealed class Repository(string root)
{
    /// <summary>What everything is built and tested as: what is tested is what is packed.</summary>
    public const string Configuration = "Release";

    public string Root { get; } = root;

    public string Artifacts => Path("artifacts");

    public string Solution => Path("PgCluster.slnx");

    /// <summary>Folder that holds the packed module's folder; a valid entry of PSModulePath.</summary>
    public string ModulePath => Path("artifacts", "module");

    public string Version { get; } = XDocument.Load(System.IO.Path.Combine(root, "Directory.Build.props")).Descendants("Version").Single().Value;

    /// <summary>The packed module, installable as it stands.</summary>
    public string PackedModule => Path("artifacts", "module", "PgCluster", Version);

    /// <summary>Finds the repository that holds this program.</summary>
    public static Repository Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "PgCluster.slnx")))
            {
                return new Repository(folder.FullName);
            }
        }

        throw new BuildException($"{AppContext.BaseDirectory} is not below a folder with PgCluster.slnx");
    }

    public string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    /// <summary>Folder of a project's build output.</summary>
    public string Output(string project) => Path("artifacts", "bin", project, "release");
}
