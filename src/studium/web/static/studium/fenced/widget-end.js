// After the widgets' own code: begins.
"use strict";
if (fenced.needs("widgets")) window.showWidgets();
