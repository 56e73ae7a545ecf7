using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace PgCluster.Build;

/// <summary>
/// Makes the installable module: the files of module/, the help made from docs/cmdlets.md, the assemblies that PowerShell loads itself in bin/, everything they need in bin/deps/
/// (a load context of its own), and the agent in bin/agent/, so that a playground needs nothing else.
/// </summary>
sealed partial class Packer(Repository repository, TextWriter log)
{
    /// <summary>The only assemblies that may live in PowerShell's own load context.</summary>
    static readonly string[] Shared = ["PgCluster.Cmdlets.dll", "PgCluster.Model.dll"];

    /// <summary>Packs what was built before; returns the module's folder.</summary>
    public async Task<string> PackAsync(CancellationToken cancellationToken)
    {
        var target = repository.PackedModule;
        if (Directory.Exists(repository.ModulePath))
        {
            Directory.Delete(repository.ModulePath, recursive: true);
        }

        CopyTree(repository.Path("module"), target);
        await StampAsync(Path.Combine(target, "PgCluster.psd1"), cancellationToken);

        HelpWriter.Write(repository.Path("docs", "cmdlets.md"), Path.Combine(target, "en-US", "PgCluster.Cmdlets.dll-Help.xml"));

        var bin = Path.Combine(target, "bin");
        var agent = Path.Combine(bin, "agent");
        await PublishPrecompiledAsync("src/PgCluster.Agent", agent, cancellationToken);
        var staged = Path.Combine(bin, "deps");
        await PublishAsync("src/PgCluster.Cmdlets", staged, ["--no-build"], cancellationToken);
        foreach (var assembly in Shared)
        {
            File.Move(Path.Combine(staged, assembly), Path.Combine(bin, assembly));
        }

        // One set of assemblies: what the agent has precompiled serves the cmdlets too.
        foreach (var assembly in Directory.EnumerateFiles(staged, "*.dll").Select(Path.GetFileName).OfType<string>().Where(a => File.Exists(Path.Combine(agent, a))))
        {
            File.Copy(Path.Combine(agent, assembly), Path.Combine(staged, assembly), overwrite: true);
        }

        // PowerShell has its own; a second one would make our cmdlets no cmdlets.
        if (File.Exists(Path.Combine(staged, "System.Management.Automation.dll")))
        {
            throw new BuildException("the closure of PgCluster.Cmdlets holds System.Management.Automation.dll: PowerShellStandard.Library must be compile-only");
        }

        log.WriteLine($"packed {Path.GetRelativePath(repository.Root, target)}");
        return target;
    }

    /// <summary>
    /// Machine code beside the IL: an agent may run for months before its first failover, and that one must not wait for the JIT while clients do.
    /// That holds for the framework's generics over our own types too, of which every asynchronous method needs a few: they are compiled here, and checked
    /// against the framework that is there when they are used. The compiler for it is a package of its own; where the feed has none for this machine, the IL alone
    /// does the same, slower the first time.
    /// </summary>
    async Task PublishPrecompiledAsync(string project, string target, CancellationToken cancellationToken)
    {
        try
        {
            await PublishAsync(
                project, target,
                [
                    "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "false", "-p:PublishReadyToRun=true",
                    "-p:PublishReadyToRunCrossgen2ExtraArgs=--opt-cross-module:*%3b--non-local-generics-module:*",
                ],
                cancellationToken);
        }
        catch (BuildException e)
        {
            log.WriteLine($"packing without precompiled code: {e.Message}");
            await PublishAsync(project, target, ["--no-build"], cancellationToken);
        }
    }

    async Task PublishAsync(string project, string target, string[] options, CancellationToken cancellationToken)
    {
        await Tool.DotnetAsync(
            ["publish", repository.Path(project), "-c", Repository.Configuration, "-o", target, "-p:PublishDocumentationFiles=false", "-p:PublishReferencesDocumentationFiles=false", .. options],
            log, cancellationToken);
        foreach (var symbols in Directory.EnumerateFiles(target, "*.pdb"))
        {
            File.Delete(symbols);
        }
    }

    /// <summary>The manifest carries the version of Directory.Build.props, so that it is written down once.</summary>
    async Task StampAsync(string manifest, CancellationToken cancellationToken)
    {
        var text = await File.ReadAllTextAsync(manifest, cancellationToken);
        var matches = ModuleVersion().Count(text);
        if (matches != 1)
        {
            throw new BuildException($"{manifest} has {matches} lines ModuleVersion = '…', one was expected");
        }

        await File.WriteAllTextAsync(manifest, ModuleVersion().Replace(text, $"${{key}}'{repository.Version}'"), cancellationToken);
    }

    static void CopyTree(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        // bin/ of a developer's own tries is not part of the sources.
        foreach (var folder in Directory.EnumerateDirectories(from).Where(d => Path.GetFileName(d) != "bin"))
        {
            CopyTree(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    [GeneratedRegex(@"^(?<key>\s*ModuleVersion\s*=\s*)'[^']*'", RegexOptions.Multiline)]
    private static partial Regex ModuleVersion();
}
