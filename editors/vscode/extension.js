// Starts `ebm lsp` and joins it to the editor. There is nothing to build.

const vscode = require("vscode");

let client;

async function activate() {
  let library;
  try {
    library = require("vscode-languageclient/node");
  } catch {
    vscode.window.showWarningMessage(
      "ebm: only colours for now. Run `npm install` in the folder of the extension for the rest."
    );
    return;
  }
  const command = vscode.workspace.getConfiguration("ebm").get("command", "ebm");
  const server = { command, args: ["lsp"], transport: library.TransportKind.stdio };
  const options = { documentSelector: [{ language: "ebm" }] };
  client = new library.LanguageClient("ebm", "ebm", server, options);
  try {
    await client.start();
  } catch (fault) {
    const help = 'Is it installed?  pip install "ebmlang[editor]"';
    vscode.window.showErrorMessage(`ebm: \`${command} lsp\` does not start. ${help} (${fault})`);
  }
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
